"""Intervals over pairs and test examples, of the measures of which records keep test blocks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.schema import BLOCK_MEASURES, MOST_BLOCKS, open_blocks
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.stats.positive import SIGNED, log_t_of_rows
from multirun_analysis.stats.shared_examples import SharedExamples, half_width, shared_examples
from multirun_analysis.stats.summary import (
    AND_EXAMPLES,
    OF_RULE,
    ONE_VALUE,
    PAIRS,
    by_cell,
    cells_of,
    distinct_networks,
    is_on_logs,
    network_codes,
    shared_interval,
)

COLUMNS = LOW, HIGH, KIND = tuple(schema.names(schema.TWO_WAY))
BOOTSTRAP = "none: a bootstrap is over pairs alone"
SOME = "none: not all pairs have test blocks"
DIFFERENT = "none: the pairs have different test examples"
ONE_BLOCK = "none: one block of test examples"


def two_way_all(
    frame: pd.DataFrame, by: list[str], values: Sequence[str], blocks: pd.Series | None, choice: IntervalChoice = DEFAULT
) -> pd.DataFrame:
    """Return the intervals over pairs and test examples, in the rows of `summarise_all`.

    Parameters
    ----------
    frame : DataFrame
        One row per pair, with the columns `by`, `values`, ``network_a`` and ``network_b``.
    by : list of str
    values : sequence of str
        Of measures without test blocks the columns are empty.
    blocks : Series, optional
        Test blocks under the index of `frame` (`load_blocks`), texts, and nothing where there are none.
    choice : IntervalChoice
        The kind of the interval over pairs, to which the variance over examples is added; of a bootstrap there is none.

    Returns
    -------
    DataFrame
        The columns of `schema.TWO_WAY`. Where the text of a cell is empty none of its pairs has test blocks.
    """
    cells, keys = cells_of(frame, by)
    opened = None if blocks is None else _opened(blocks.reindex(frame.index))
    parts = [
        _two_way(frame, cells, len(keys), value, opened, choice) if opened is not None and value in BLOCK_MEASURES else _none(len(keys))
        for value in values
    ]
    return pd.concat(parts, ignore_index=True)


def _none(n: int) -> pd.DataFrame:
    return pd.DataFrame({LOW: np.full(n, np.nan), HIGH: np.full(n, np.nan), KIND: np.full(n, "", dtype=object)})


def _opened(blocks: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return test blocks, shape (tables, 5, 50), and which of them every row has, (rows,): the first, with no items, where it has none."""
    texts = [(row, text) for row, text in enumerate(blocks) if isinstance(text, str)]
    tables, numbers = np.zeros((1 + len(texts), 1 + len(BLOCK_MEASURES), MOST_BLOCKS), dtype=np.float32), np.zeros(len(blocks), dtype=int)
    for number, (row, text) in enumerate(texts, start=1):
        table = open_blocks(text)
        tables[number, :, : table.shape[1]], numbers[row] = table, number
    return tables, numbers


def _two_way(
    frame: pd.DataFrame, cells: np.ndarray, n: int, value: str, opened: tuple[np.ndarray, np.ndarray], choice: IntervalChoice
) -> pd.DataFrame:
    """Return the intervals of one measure in n cells."""
    column, result, on_logs = frame[value].to_numpy(dtype=float), _none(n), is_on_logs(value, choice)
    order, starts, counts = by_cell(column, cells, n)
    present = ~np.isnan(column)
    is_shared = distinct_networks(cells[present], network_codes(frame)[:, present], n) < 2 * counts
    low, high, kinds = (result[name].to_numpy(copy=True) for name in COLUMNS)
    tables, numbers = opened
    of_value = tables[:, [0, 1 + BLOCK_MEASURES.index(value)]]
    for count in np.unique(counts[counts > 0]).tolist():
        members = np.flatnonzero(counts == count)
        rows = order[starts[members][:, None] + np.arange(count)]  # (cells, count)
        items, excesses = (of_value[numbers[rows], k].astype(float) for k in (0, 1))  # (cells, count, 50)
        reasons = _reasons(items, excesses, choice)
        kinds[members] = reasons
        chosen = np.array([reason is None for reason in reasons], dtype=bool)
        alone = chosen & ~is_shared[members]
        if alone.any():
            ends = _independent(column[rows[alone]], choice, on_logs, shared_examples(excesses[alone], items[alone, 0]))
            low[members[alone]], high[members[alone]], kinds[members[alone]] = ends
        for k in np.flatnonzero(chosen & is_shared[members]):
            cell, pairs, examples = members[k], rows[k], shared_examples(excesses[[k]], items[[k], 0])
            low[cell], high[cell], kinds[cell] = shared_interval(column[pairs], frame.iloc[pairs], choice, on_logs, examples)
    return pd.DataFrame({LOW: low, HIGH: high, KIND: kinds})


def _reasons(items: np.ndarray, excesses: np.ndarray, choice: IntervalChoice) -> list[str | None]:
    """Return why cells of one number of pairs have no interval over both, None where they have; arrays (cells, pairs, 50)."""
    n = len(items)
    has_blocks: np.ndarray = np.any(items > 0, axis=2)
    is_measured = np.asarray(np.isfinite(excesses) | (items == 0)).reshape(n, -1).all(axis=1)
    is_same = np.asarray(items == items[:, :1]).reshape(n, -1).all(axis=1)
    conditions = [
        (~has_blocks.any(axis=1), ""),
        (np.full(n, items.shape[1] < 2), ONE_VALUE),
        (np.full(n, choice.is_bootstrap), BOOTSTRAP),
        (~(is_measured & has_blocks.all(axis=1)), SOME),
        (~is_same, DIFFERENT),
        ((items[:, 0] > 0).sum(axis=1) < 2, ONE_BLOCK),
    ]
    return [next((reason for holds, reason in conditions if holds[cell]), None) for cell in range(n)]


def _independent(
    table: np.ndarray, choice: IntervalChoice, on_logs: bool, examples: SharedExamples
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the intervals of cells of independent pairs, (cells, pairs), and their kinds."""
    if on_logs:
        low, high, kinds = log_t_of_rows(table, choice.level, examples)
    else:
        n, mean = table.shape[1], table.mean(axis=1)
        half = half_width(table.std(axis=1, ddof=1) / np.sqrt(n), n - 1, choice.level, examples)
        low, high, kinds = mean - half, mean + half, np.full(len(table), SIGNED)
    return low, high, [choice.named(f"{OF_RULE[kind]} {PAIRS} {AND_EXAMPLES}") for kind in kinds.tolist()]
