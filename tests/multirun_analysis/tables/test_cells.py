"""Cells of a table, and how a figure says which of them it leaves out."""

import pandas as pd
import pytest

from multirun_analysis.tables.cells import LEAST_ROWS, MOST_CELLS, MOST_ROWS, SAMPLE, cells, few_of, fixed_keys, left_out, shown_cells

TABLE = pd.DataFrame(
    {
        "dataset": "digits",
        "optimizer.lr": [0.2, 0.1, 0.2],
        "matching": ["weights", "identity", "identity"],
        "repair": "none",
        "width": 8,
        "mean": [1.0, 2.0, 3.0],
    }
)


def test_the_keys_of_cells_are_the_columns_up_to_the_method_and_the_width():
    assert fixed_keys(TABLE) == ["dataset", "optimizer.lr", "matching", "width"]
    assert fixed_keys(TABLE, "width", "matching") == ["dataset", "optimizer.lr"]
    assert fixed_keys(TABLE, "optimizer.lr", "nothing") == ["dataset", "matching", "width"]


def test_a_repair_is_a_key_where_there_are_several():
    table = TABLE.assign(repair=["none", "reset", "none"])
    assert fixed_keys(table) == ["dataset", "optimizer.lr", "matching", "repair", "width"]
    assert fixed_keys(table, "width", "matching") == ["dataset", "optimizer.lr", "repair"]
    assert fixed_keys(table, "width", "repair") == ["dataset", "optimizer.lr", "matching"]


@pytest.mark.parametrize(("n", "shown"), [(1, [0]), (4, [0, 1, 2, 3]), (5, [0, 2, 4]), (9, [0, 4, 8])])
def test_a_figure_with_a_wide_panel_for_each_value_shows_the_ends_and_the_middle_of_many(n, shown):
    assert few_of(range(n)) == shown
    cut = left_out(len(shown), n, "panels of width", ends=True)
    assert cut == ("" if n < 5 else f"panels of width: 3 of {n}, the first, the middle one and the last")


def test_cells_stand_in_the_order_of_the_frame_and_have_all_of_its_rows():
    parts = cells(TABLE, ["dataset", "optimizer.lr"])
    assert list(parts) == [("digits", 0.2), ("digits", 0.1)]
    pd.testing.assert_frame_equal(pd.concat(parts.values()).sort_index(), TABLE)
    assert cells(TABLE.iloc[:0], ["dataset"]) == {}


@pytest.mark.parametrize(
    ("n", "most", "shown"),
    [(3, MOST_ROWS, 3), (9, MOST_ROWS, MOST_ROWS), (9, LEAST_ROWS, LEAST_ROWS), (MOST_CELLS, 6, 6), (MOST_CELLS + 1, 6, SAMPLE)],
)
def test_the_first_cells_are_shown_and_of_very_many_a_sample(n, most, shown):
    parts = {(k,): TABLE for k in range(n)}
    assert [key for key, _ in shown_cells(parts, most)] == [(k,) for k in range(shown)]


@pytest.mark.parametrize(("shown", "available", "sentence"), [(4, 4, ""), (4, 7, "rows: the first 4 of 7"), (5, 4, "")])
def test_nothing_is_said_where_nothing_is_left_out(shown, available, sentence):
    assert left_out(shown, available, "rows") == sentence
    assert left_out(shown, available, "rows", evenly=True) == sentence.replace("the first 4 of 7", "4 of 7, evenly chosen")
