"""Blocks on a narrow terminal: all values are there, as wide as there is room."""

import pytest

from multirun_analysis.report.grids import BESIDE, BEST, EDGE, LOST, fitted
from multirun_analysis.tables.pivots import Block, Value

METHODS = [f"method_{k}" for k in range(12)]


def block_of(n_rows, n_columns):
    """Return a block whose values are all different, and whose first column is the best one."""
    rows = []
    for k in range(n_rows):
        values = tuple(Value(m + k / 100, 0.5, m == 0, 2) for m in range(n_columns))
        rows.append((str(2**k), "5/6" if k == 0 else "6/6", f"0.0{k}", values))
    return Block("repair=none", ("width", "pairs", "error at ends", *METHODS[:n_columns]), tuple(rows))


def width_of(grid):
    return sum(max(len(text) for text, _ in column) + BESIDE for column in grid.all_columns) + EDGE


def values_of(grids):
    """Return every value by its key and method, whichever of the two are the columns of a grid."""
    values = {}
    for grid in grids:
        upright = len(grid.leading) == 3
        rows = [text for text, _ in grid.leading[0]][1:]
        for (name, _), *cells in grid.columns:
            for row, cell in zip(rows, cells, strict=True):
                if upright or row in METHODS:
                    values[(row, name) if upright else (name, row)] = cell
    return values


@pytest.mark.parametrize(("n_rows", "n_columns"), [(3, 12), (12, 3), (1, 1), (6, 6)])
@pytest.mark.parametrize("width", [10, 60, 80, 120, 400])
def test_all_values_are_there_and_no_grid_is_wider_than_it_must_be(n_rows, n_columns, width):
    block = block_of(n_rows, n_columns)
    grids = fitted(block, width)
    expected = {(row[0], name): value for row in block.rows for name, value in zip(block.header[3:], row[3], strict=True)}
    assert values_of(grids) == {key: (value.text("±"), BEST if value.best else "") for key, value in expected.items()}
    assert all(width_of(grid) <= width or len(grid.columns) == 1 for grid in grids)
    assert all(
        (LOST in {style for _, style in column}) == ("5/6" in {text for text, _ in column}) for grid in grids for column in grid.leading
    )


def test_a_block_that_fits_stands_as_it_is_and_a_wider_one_is_turned_where_that_is_shorter():
    narrow, wide, long = (fitted(block_of(*shape), 80) for shape in ((12, 2), (3, 12), (12, 12)))
    assert [len(grid.leading) for grid in narrow] == [3]
    assert [len(grid.leading) for grid in wide] == [1]
    assert [text for text, _ in wide[0].leading[0]] == ["width", "pairs", "error at ends", *METHODS]
    assert len({len(grid.leading) for grid in long}) == 1
