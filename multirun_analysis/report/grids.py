"""Blocks of a pivot as grids that fit a terminal: as they are, or turned, and in parts where neither is narrow enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multirun_analysis.common.media import terminal_columns
from multirun_analysis.tables.pivots import ENDS, PAIRS, Block, Value

Cell = tuple[str, str]  # its text, and its style
Column = tuple[Cell, ...]  # its name first
HEADING, BEST, LOST = "bold", "bold green", "bold red"
BESIDE, EDGE = 3, 1  # letters of a frame, beside every column and at the end
AROUND = 4  # lines of a grid beyond its rows


@dataclass(frozen=True)
class Grid:
    """A title, the columns that every part repeats, and the others."""

    title: str
    leading: tuple[Column, ...]
    columns: tuple[Column, ...]

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The columns from left to right."""
        return self.leading + self.columns


def fitted(block: Block, width: int, shown: Callable[[str], str] = str) -> list[Grid]:
    """Return a block as grids that are no wider than so many letters, as far as their columns allow.

    A block that is too wide as it is is turned, its columns to rows, or broken into parts, whatever takes fewer lines.

    Parameters
    ----------
    block : Block
    width : int
    shown : callable
        From text to the text that the terminal shows.
    """
    upright = _parts(_upright(block, shown), width)
    if len(upright) == 1:
        return upright
    turned = _parts(_turned(block, shown), width)
    return min(upright, turned, key=_lines)


def _upright(block: Block, shown: Callable[[str], str]) -> Grid:
    """Return a block as it is: a column for the key, the pairs and the error, then one for each value."""
    names, (keys, pairs, ends, values) = block.header, zip(*block.rows, strict=True)
    leading = (
        _column(names[0], [(key, HEADING) for key in keys], shown),
        _column(names[1], [(text, _style(text)) for text in pairs], shown),
        _column(names[2], [(text, "") for text in ends], shown),
    )
    columns = zip(names[3:], zip(*values, strict=True), strict=True)
    return Grid(block.title, leading, tuple(_column(name, [_value(value) for value in column], shown) for name, column in columns))


def _turned(block: Block, shown: Callable[[str], str]) -> Grid:
    """Return a block turned: a row for the pairs and the error, then one for each value, and a column for each key."""
    leading = _column(block.header[0], [(name, HEADING) for name in (PAIRS, ENDS, *block.header[3:])], shown)
    columns = []
    for key, pairs, end, values in block.rows:
        columns.append(_column(key, [(pairs, _style(pairs)), (end, ""), *map(_value, values)], shown))
    return Grid(block.title, (leading,), tuple(columns))


def _column(name: str, cells: Sequence[Cell], shown: Callable[[str], str]) -> Column:
    return tuple((shown(text), style) for text, style in [(name, ""), *cells])


def _value(value: Value) -> Cell:
    return value.text("±"), BEST if value.best else ""


def _style(pairs: str) -> str:
    measured, _, expected = pairs.partition("/")
    return "" if measured == expected else LOST


def _parts(grid: Grid, width: int) -> list[Grid]:
    """Return a grid in as few parts as fit a width, each with at least one of its columns."""
    room = width - EDGE - sum(map(_width, grid.leading))
    parts: list[list[Column]] = [[]]
    for column in grid.columns:
        if parts[-1] and sum(map(_width, [*parts[-1], column])) > room:
            parts.append([])
        parts[-1].append(column)
    return [Grid(grid.title, grid.leading, tuple(part)) for part in parts]


def _width(column: Column) -> int:
    return max(terminal_columns(text) for text, _ in column) + BESIDE


def _lines(grids: Sequence[Grid]) -> int:
    return sum(len(grid.leading[0]) + AROUND for grid in grids)
