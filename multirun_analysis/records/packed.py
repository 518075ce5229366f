"""Records in columns: what the tables need of a record, in arrays, without an object for every number of every curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from types import NoneType
from typing import Any

import numpy as np

from multirun_analysis import schema
from multirun_analysis.schema import METHOD, PAIR, REPAIR, TRAINING, TRAINING_KEY, WITHOUT_REPAIR

Record = Mapping[str, Any]
# What is kept of a record beside its rows: all that the tables, the studies and the text for the terminal say.
HEAD = ("run_id", "status", "sentence", "scope", "matching", "repair", "networks", "notes", "points", "machine", "versions", "failure")
PAIR_AND_METHOD = (*PAIR, *METHOD)
LINE = (*PAIR_AND_METHOD, *REPAIR, "split")  # the words of a row of a line
# Of which a record has one row: of a pair and a method, or of a network.
ROW_KEY = (*PAIR_AND_METHOD, *REPAIR, *TRAINING_KEY, "layer", "epoch")
EVERY = slice(None)
NUMBERS = frozenset((float, int, NoneType))  # bool is none


@dataclass(frozen=True)
class Layout:
    """The columns of a kind of rows: words that every row has, words that it may have, numbers that it has and may have."""

    name: str
    words: tuple[str, ...]
    numbers: tuple[str, ...]
    optional_words: tuple[str, ...] = ()
    optional_numbers: tuple[str, ...] = ()

    @property
    def all_words(self) -> tuple[str, ...]:
        """The columns of `Rows.words`."""
        return self.words + self.optional_words

    @property
    def all_numbers(self) -> tuple[str, ...]:
        """The columns of `Rows.numbers`."""
        return self.numbers + self.optional_numbers


def _layout(name: str, words: tuple[str, ...], optional_words: tuple[str, ...], columns: Sequence[schema.Column]) -> Layout:
    numbers = [column.name for column in columns if column.kind != "string"]
    later = tuple(name for name in numbers if name in schema.LATER)
    return Layout(name, words, tuple(name for name in numbers if name not in later), optional_words, later)


RUNS = _layout("runs", LINE, ("certificate_status", "matching_status", schema.TEST_BLOCKS), (schema.POINTS, *schema.MEASURES))
CURVES = _layout("curves", LINE, (), schema.CURVE_MEASURES)
LAYERS = _layout("layers", PAIR_AND_METHOD, ("layer_name",), schema.LAYER_MEASURES)
TRAINING_CURVES = _layout("training_curves", TRAINING_KEY, (), schema.TRAINING_TAIL)
LAYOUTS = (RUNS, CURVES, LAYERS, TRAINING_CURVES)


@dataclass(frozen=True)
class Rows:
    """Rows of one kind, of one record or of many.

    Parameters
    ----------
    words : ndarray of object, shape (rows, words)
        Text, or None where there is none.
    lengths : ndarray of int, shape (rows,)
        The number of points of each row: those of a curve, else 1.
    numbers : ndarray, shape (points, numbers)
        NaN where there is none.
    """

    words: np.ndarray
    lengths: np.ndarray
    numbers: np.ndarray

    def equal_to(self, other: "Rows", numbers: np.ndarray, words: np.ndarray | slice = EVERY) -> bool:
        """Return whether both have the same rows, looking only at some columns, shapes (numbers,) and (words,) of bool."""
        return (
            np.array_equal(self.words[:, words], other.words[:, words])
            and np.array_equal(self.lengths, other.lengths)
            and np.array_equal(self.numbers[:, numbers], other.numbers[:, numbers], equal_nan=True)
        )

    def keys(self, layout: Layout, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return some columns of every row, those of them that the layout has; numbers of rows of one point only."""
        words = [layout.all_words.index(name) for name in names if name in layout.all_words]
        numbers = [layout.all_numbers.index(name) for name in names if name in layout.all_numbers]
        values = self.numbers[:, numbers].tolist() if numbers else [()] * len(self.words)
        return [(*row, *others) for row, others in zip(self.words[:, words].tolist(), values, strict=True)]

    def chosen(self, rows: Sequence[int]) -> "Rows":
        """Return some of the rows."""
        parts = np.split(self.numbers, np.cumsum(self.lengths)[:-1]) if len(self.lengths) else []
        numbers = [parts[row] for row in rows]
        return Rows(self.words[list(rows)], self.lengths[list(rows)], np.concatenate(numbers) if numbers else self.numbers[:0])

    def joined(self, other: "Rows") -> "Rows":
        """Return these rows, then the other ones."""
        return Rows(*(np.concatenate([getattr(self, part), getattr(other, part)]) for part in ("words", "lengths", "numbers")))


@dataclass(frozen=True)
class PackedRecord:
    """A finished record: its head as it was read, and its rows of every kind, by the layout's name."""

    head: Record
    rows: Mapping[str, Rows]


def pack(record: Record) -> PackedRecord:
    """Return a record in columns.

    Raises
    ------
    KeyError, TypeError, ValueError, OverflowError
        If a column is missing or holds something else than it should.
    """
    head = {"repair": [dict(schema.NO_REPAIR)], **{key: record[key] for key in HEAD if key in record}}
    rows = {layout.name: _packed_rows(record[layout.name], layout) for layout in (RUNS, LAYERS)}
    rows[TRAINING_CURVES.name] = _packed_rows(record.get(TRAINING, []), TRAINING_CURVES)
    rows[CURVES.name] = _packed_curves(record[CURVES.name])
    if "points" in record:
        _set_points(rows, record["points"])
    return PackedRecord(head, rows)


def _set_points(rows: Mapping[str, Rows], points: Any) -> None:
    """Give every row of a measure the number of points of its line, which rows of earlier versions do not have."""
    column = rows[RUNS.name].numbers[:, RUNS.all_numbers.index(schema.POINTS.name)]  # a view
    counts = np.concatenate([column[~np.isnan(column)], rows[CURVES.name].lengths])
    if type(points) is not int or not (counts == points).all():
        raise ValueError(f"not all of its lines have the {points!r} points that it says")
    column[:] = points


def _packed_rows(rows: Sequence[Record], layout: Layout) -> Rows:
    words, numbers = _words(rows, layout), []
    required = itemgetter(*layout.numbers)
    for row in rows:
        values = (*required(row), *(row.get(name) for name in layout.optional_numbers))
        if not NUMBERS.issuperset(map(type, values)):
            name = next(name for name, value in zip(layout.all_numbers, values, strict=True) if type(value) not in NUMBERS)
            raise TypeError(f"`{name}` is no number")
        numbers.append(values)
    shape = (len(rows), len(layout.all_numbers))
    return Rows(words, np.ones(len(rows), dtype=np.int64), np.array(numbers, dtype=np.float64).reshape(shape))


def _packed_curves(curves: Sequence[Record]) -> Rows:
    words, columns = _words(curves, CURVES), []
    for curve in curves:
        values = [_checked(curve[name], name) for name in CURVES.numbers]
        values += [_checked(curve.get(name) or [None] * len(values[0]), name) for name in CURVES.optional_numbers]
        if len({len(column) for column in values}) > 1:
            raise ValueError("a curve whose columns differ in length")
        columns.append(np.array(values, dtype=np.float64).T)
    lengths = np.array([len(column) for column in columns], dtype=np.int64)
    return Rows(words, lengths, np.concatenate(columns) if columns else np.empty((0, len(CURVES.all_numbers))))


def _checked(column: Any, name: str) -> list[Any]:
    if not (isinstance(column, list) and NUMBERS.issuperset(map(type, column))):
        raise TypeError(f"something in `{name}` of a curve is no number")
    return column


def _words(rows: Sequence[Record], layout: Layout) -> np.ndarray:
    """Return the words of rows, shape (rows, words) of object."""
    required, values_of_rows = itemgetter(*layout.words), []
    for row in rows:
        values = required(row if REPAIR[0] in row else {**WITHOUT_REPAIR, **row})  # of an earlier version
        for name, value in zip(layout.words, values, strict=True):
            if type(value) is not str:
                raise TypeError(f"`{name}` in `{layout.name}` is no text")
        optional = tuple(row.get(name) for name in layout.optional_words)
        if not all(value is None or type(value) is str for value in optional):
            raise TypeError(f"{layout.optional_words} in `{layout.name}`: not all are text")
        values_of_rows.append(values + optional)
    words = np.empty((len(rows), len(layout.all_words)), dtype=object)
    words[:] = np.array(values_of_rows, dtype=object).reshape(words.shape)
    return words
