"""The rows of many records as one table: keys once per row of a record, numbers once per point, both in the order of the CSVs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from multirun_analysis.records.packed import CURVES, Layout, Rows


@dataclass(frozen=True)
class Table:
    """Rows of one kind, sorted.

    Parameters
    ----------
    keys : DataFrame
        A line for each row of a record (each curve): the job's keys, the varying keys, the pair, the method's label, and other words.
    lengths : ndarray of int, shape (rows,)
        The number of points of each row.
    numbers : DataFrame
        A line for each point.
    """

    keys: pd.DataFrame
    lengths: np.ndarray
    numbers: pd.DataFrame

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return a line for each point, with these columns."""
        rows = np.repeat(np.arange(len(self.lengths)), self.lengths)
        keys = {name: pd.Series(self.keys[name].to_numpy()[rows], dtype=self.keys[name].dtype) for name in self.keys if name in columns}
        return pd.DataFrame(keys | dict(self.numbers.items()), columns=list(columns), copy=False)


def make_table(
    rows: Sequence[Rows],
    layout: Layout,
    jobs: pd.DataFrame,
    order: Sequence[str],
    labels: Mapping[tuple[str, str], str],
    repair_labels: Mapping[tuple[str, str], str],
) -> Table:
    """Return the rows of all records as one sorted table.

    Parameters
    ----------
    rows : sequence of Rows
        Of every record.
    layout : Layout
    jobs : DataFrame
        The keys of every record, a line each.
    order : sequence of str
        The columns of `jobs` to sort by, before pair or network, method, split, and t, layer or epoch.
    labels, repair_labels : mapping of str
        The label of every matching method, and of every repair, by its name and the hash of its settings.
    """
    owners = np.repeat(np.arange(len(rows)), [len(block.lengths) for block in rows])
    words, lengths, numbers = _concatenated(rows, layout)
    words = np.where(pd.isna(words), np.nan, words)  # pandas' own word for nothing
    texts = {name: pd.Series(words[:, k], dtype=object) for k, name in enumerate(layout.all_words)}
    if "matching" in texts:
        texts["matching"] = pd.Series(
            [labels[method] for method in zip(texts["matching"], texts.pop("settings_hash"), strict=True)], dtype=object
        )
    if "repair" in texts:
        texts["repair"] = pd.Series(
            [repair_labels[repair] for repair in zip(texts["repair"], texts.pop("repair_hash"), strict=True)], dtype=object
        )
    ranks = [_ranks(jobs[name])[owners] for name in order]
    ranks += [_ranks(texts[name]) for name in ("network_a", "network_b", "network", "matching", "repair", "split") if name in texts]
    ranks += [numbers[:, layout.all_numbers.index(name)] for name in ("layer", "epoch") if name in layout.all_numbers]
    sorted_rows = np.lexsort(ranks[::-1])
    keys = {name: pd.Series(column.to_numpy()[owners[sorted_rows]], dtype=column.dtype) for name, column in jobs.items()}
    keys |= {name: pd.Series(column.to_numpy()[sorted_rows], dtype=object) for name, column in texts.items()}
    points = _points_of(sorted_rows, lengths)
    if layout is CURVES:
        points = points[_by_t(numbers[points, 0], lengths[sorted_rows], [rank[sorted_rows] for rank in ranks])]
    columns = {name: numbers[points, k] for k, name in enumerate(layout.all_numbers)}
    for name in {"layer", "points", "epoch"} & columns.keys():
        if (np.abs(columns[name]) < 2**53).all() and (columns[name] % 1 == 0).all():
            columns[name] = columns[name].astype(np.int64 if len(points) else object)
    return Table(pd.DataFrame(keys), lengths[sorted_rows], pd.DataFrame(columns, copy=False))


def _concatenated(rows: Sequence[Rows], layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    none = Rows(np.empty((0, len(layout.all_words)), dtype=object), np.empty(0, dtype=np.int64), np.empty((0, len(layout.all_numbers))))
    words, lengths, numbers = zip(*((block.words, block.lengths, block.numbers) for block in (none, *rows)), strict=True)
    return np.concatenate(words), np.concatenate(lengths), np.concatenate(numbers)


def _points_of(rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the places of the points of some rows, one row after the other."""
    starts, chosen = (np.cumsum(lengths) - lengths)[rows], lengths[rows]
    return np.repeat(starts - (np.cumsum(chosen) - chosen), chosen) + np.arange(chosen.sum())


def _by_t(t: np.ndarray, lengths: np.ndarray, ranks: Sequence[np.ndarray]) -> np.ndarray:
    """Return the order of points by row and t; curves that have all keys in common are one."""
    same = np.all([rank[1:] == rank[:-1] for rank in ranks], axis=0) if len(lengths) > 1 else np.empty(0, dtype=bool)
    curve = np.repeat(np.concatenate([[0], np.cumsum(~same)])[: len(lengths)], lengths)
    if ((t[1:] >= t[:-1]) | (curve[1:] != curve[:-1])).all():
        return np.arange(len(t))  # as every job writes them
    return np.lexsort((t, curve))


def _ranks(column: pd.Series) -> np.ndarray:
    """Return the places of values in their order: of names by their text, whatever number they look like, else that of `sortable`."""
    if column.dtype != object or pd.api.types.infer_dtype(column, skipna=False) != "string":
        return sortable(column).to_numpy()
    codes, values = pd.factorize(column.to_numpy())
    places = {value: rank for rank, value in enumerate(sorted(values))}
    return np.array([places[value] for value in values])[codes]


def sortable(column: pd.Series) -> pd.Series:
    """Return a column in a form that sorts, numbers by value before words, whatever kinds it mixes."""
    if column.dtype != object:
        return column
    places: dict[tuple[type, object], int] = {}  # 1, 1.0 and True are equal, and three values
    codes = np.array([places.setdefault((type(value), value), len(places)) for value in column], dtype=int)
    keys = [(*_position(value), str(value)) for _, value in places]
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return pd.Series(np.array([ranks[key] for key in keys], dtype=int)[codes], index=column.index)


def _position(value: object) -> tuple[int, float]:
    """Return where a value stands: numbers by value, words behind them.

    `pandas.to_numeric` may end the process, of ``8250e2414376239c``.
    """
    try:
        number = float(value)  # type: ignore[arg-type]  # what it does not take is a word
    except (TypeError, ValueError, OverflowError):
        return 1, 0.0
    return (0, number) if number == number else (1, 0.0)
