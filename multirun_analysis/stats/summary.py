"""The summary of a measure over the pairs of a cell: mean, spread, interval."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from multirun_analysis import schema
from multirun_analysis.schema import STATISTICS
from multirun_analysis.stats.decisions import ENOUGH_JOBS
from multirun_analysis.stats.interval_choice import DEFAULT, FEWEST_TO_RESAMPLE, IntervalChoice
from multirun_analysis.stats.intervals import count_groups, job_means_t, network_jackknife
from multirun_analysis.stats.positive import CUT, LOGS, SIGNED, log_jackknife, log_job_means, log_t_of_rows
from multirun_analysis.stats.power import pairs_to_halve
from multirun_analysis.stats.resampling import bootstrap_mean
from multirun_analysis.stats.shared_examples import SharedExamples

PAIRS, NETWORKS = "pairs", "networks"  # what is counted, and resampled
AND_EXAMPLES = "and test examples"  # behind the name of an interval that is over both
OF_RULE = {SIGNED: "Student's t over", LOGS: "log-scale t over", CUT: "t cut at 0 over"}  # of `positive`, for what cannot be negative
KINDS = {"t": OF_RULE[SIGNED], "bootstrap": "percentile bootstrap over", "bca": "BCa bootstrap over"}
ONE_VALUE = "none: one pair"
STUDENT, ON_LOGS = (DEFAULT.named(f"{OF_RULE[kind]} {PAIRS}") for kind in (SIGNED, LOGS))
ENDPOINTS = ("loss_endpoint", "error_endpoint")  # the measures of networks, among those of pairs
JACKKNIFE = "delete-one-network jackknife"
OF_SCALE = {SIGNED: "", LOGS: "log-scale ", CUT: ""}  # before the name of an interval of pairs that share networks,
OF_CUT = {SIGNED: "", LOGS: "", CUT: " cut at 0"}  # and behind it
SHARED = "none: pairs share networks, and none can be left out"
JOBS = "Student's t over jobs"
NO_VALUE = "none: no pair"
SETTINGS = schema.names(schema.INTERVAL_SETTINGS)


def summarise(frame: pd.DataFrame, by: list[str], value: str, choice: IntervalChoice = DEFAULT) -> pd.DataFrame:
    """Return one row per cell with the statistics of a measure over its pairs.

    Pairs are independent unless they share a network. Where they do, Student's interval would be too narrow; it is taken over the
    means of jobs where there are four and more, and else the jackknife over networks takes its place. `interval` says which it is, or
    why there is none. A measure that cannot be negative (`schema.NOT_NEGATIVE`) has them on the log scale, by the rule of
    `multirun_analysis.stats.positive`, unless Student's is asked for.

    Parameters
    ----------
    frame : DataFrame
        One row per pair, with the columns `by`, `value`, ``network_a`` and ``network_b``.
    by : list of str
        The columns that make a cell.
    value : str
        The measure; rows where it is missing do not count.
    choice : IntervalChoice

    Returns
    -------
    DataFrame
        Columns `by`, then those of `STATISTICS`. ``interquartile_mean`` is the mean without the lowest and the highest quarter of the
        values, ``pairs_to_halve`` the number of independent pairs that would halve Student's interval (`pairs_to_halve`).
    """
    return _summaries(frame, by, [value], choice)[0]


def summarise_all(frame: pd.DataFrame, by: list[str], values: Sequence[str], choice: IntervalChoice = DEFAULT) -> pd.DataFrame:
    """Return the same of several measures, one below the other, which the column ``metric`` tells apart."""
    parts = _summaries(frame, by, values, choice)
    return pd.concat([part.assign(metric=value) for value, part in zip(values, parts, strict=True)], ignore_index=True)


def summarise_networks(frame: pd.DataFrame, by: list[str], values: Sequence[str], choice: IntervalChoice = DEFAULT) -> pd.DataFrame:
    """Return the statistics of measures over networks, below one another as `summarise_all` has them.

    Parameters
    ----------
    frame : DataFrame
        One row per network of a cell, as `endpoints` returns it: networks are independent.
    by : list of str
    values : sequence of str
    choice : IntervalChoice

    Returns
    -------
    DataFrame
        Columns `by`, those of `STATISTICS` without ``n_pairs``, and ``metric``.
    """
    cells, keys = cells_of(frame, by)
    parts = []
    for value in values:
        statistics = _statistics(frame[value].to_numpy(dtype=float), cells, len(keys), choice, is_on_logs(value, choice), NETWORKS)
        statistics["n_networks"] = statistics.pop("n_pairs")
        statistics["pairs_to_halve"] = np.full(len(keys), np.nan)
        parts.append(pd.concat([keys, pd.DataFrame(statistics)], axis=1).assign(metric=value))
    return pd.concat(parts, ignore_index=True)


def _summaries(frame: pd.DataFrame, by: list[str], values: Sequence[str], choice: IntervalChoice) -> list[pd.DataFrame]:
    cells, keys = cells_of(frame, by)
    names, codes = frame[["network_a", "network_b"]], network_codes(frame)
    networks: dict[bytes, np.ndarray] = {}  # most measures are there for the same pairs
    frames = []
    for value in values:
        column = frame[value].to_numpy(dtype=float)
        present = ~np.isnan(column)
        if present.tobytes() not in networks:
            networks[present.tobytes()] = distinct_networks(cells[present], codes[:, present], len(keys))
        on_logs = is_on_logs(value, choice)
        statistics = _statistics(column, cells, len(keys), choice, on_logs)
        statistics["n_networks"] = networks[present.tobytes()]
        _share(statistics, column, cells, names, choice, on_logs)
        frames.append(pd.concat([keys, pd.DataFrame(statistics, columns=list(STATISTICS))], axis=1))
    return frames


def cells_of(frame: pd.DataFrame, by: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the cell of every row, shape (rows,), numbered as they appear, and the keys of the cells, a row each."""
    cells = frame.groupby(by, sort=False, dropna=False).ngroup().to_numpy()
    _, first = np.unique(cells, return_index=True)
    return cells, frame[by].iloc[first].reset_index(drop=True).infer_objects()


def is_on_logs(value: str, choice: IntervalChoice) -> bool:
    """Return whether the intervals of a measure are on the log scale."""
    return choice.kind != "t" and value in schema.NOT_NEGATIVE


def _statistics(values: np.ndarray, cells: np.ndarray, n: int, choice: IntervalChoice, on_logs: bool, unit: str = PAIRS) -> dict[str, Any]:
    """Return the statistics of n cells of independent values, the same operations in the same order as of each cell for itself."""
    columns = {name: np.full(n, np.nan) for name in STATISTICS if name != "interval"} | {"interval": np.full(n, NO_VALUE, dtype=object)}
    order, starts, counts = by_cell(values, cells, n)
    columns["n_pairs"] = counts
    for count in np.unique(counts[counts > 0]).tolist():
        members = np.flatnonzero(counts == count)
        table = values[order[starts[members][:, None] + np.arange(count)]]  # (cells, count)
        for name, column in _of_equal_cells(table, choice, on_logs, unit).items():
            columns[name][members] = column
    columns["level"] = np.where(np.isnan(columns["ci_low"]), np.nan, choice.level)
    return columns


def by_cell(values: np.ndarray, cells: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows that have a value, cell after cell; where those of each of n cells begin there, and how many they are."""
    measured = np.flatnonzero(~np.isnan(values))
    counts = np.bincount(cells[measured], minlength=n)
    return measured[np.argsort(cells[measured], kind="stable")], np.cumsum(counts) - counts, counts


def _share(
    columns: dict[str, Any], values: np.ndarray, cells: np.ndarray, names: pd.DataFrame, choice: IntervalChoice, on_logs: bool
) -> None:
    """Put the intervals of pairs that share networks in place of those of independent ones."""
    order, starts, counts = by_cell(values, cells, len(columns["n_networks"]))
    for cell in np.flatnonzero(columns["n_networks"] < 2 * counts):
        rows = order[starts[cell] : starts[cell] + counts[cell]]
        interval = shared_interval(values[rows], names.iloc[rows], choice, on_logs)
        columns["ci_low"][cell], columns["ci_high"][cell], columns["interval"][cell] = interval
        for name in ("resamples", "resampling_seed", "pairs_to_halve"):  # of independent pairs
            columns[name][cell] = np.nan
    columns["level"] = np.where(np.isnan(columns["ci_low"]), np.nan, choice.level)


def network_codes(frame: pd.DataFrame) -> np.ndarray:
    """Return numbers of the networks A and B of every row, shape (2, rows); -1 where one has no name."""
    return pd.factorize(pd.concat([frame["network_a"], frame["network_b"]]))[0].reshape(2, -1)


def distinct_networks(cells: np.ndarray, codes: np.ndarray, n: int) -> np.ndarray:
    """Return the number of distinct networks of every cell; codes, shape (2, rows), are -1 where a network has no name."""
    owners, networks = np.concatenate([cells, cells]), codes.ravel()
    pairs_of_cells = np.unique((owners * (networks.max(initial=0) + 1) + networks)[networks >= 0]) // (networks.max(initial=0) + 1)
    return np.bincount(pairs_of_cells, minlength=n)


def _of_equal_cells(table: np.ndarray, choice: IntervalChoice, on_logs: bool, unit: str) -> dict[str, Any]:
    r"""Return the statistics of cells of one size, shape (cells, n), with the interval on logs, Student's or the bootstrap asked for.

    .. math:: \bar x \pm t_{n-1,\,(1+\gamma)/2} \; s / \sqrt n
    """
    n = table.shape[1]
    with np.errstate(invalid="ignore"):  # of infinite values
        mean = table.sum(axis=1) / n
        statistics = {"mean": mean, "median": np.median(table, axis=1), "min": table.min(axis=1), "max": table.max(axis=1)}
        statistics["interquartile_mean"] = np.sort(table, axis=1)[:, n // 4 : n - n // 4].mean(axis=1)
        if n < 2:
            return statistics | {"interval": ONE_VALUE if unit == PAIRS else "none: one network"}
        std = np.sqrt(((table - mean[:, None]) ** 2).sum(axis=1) / (n - 1))
        half = float(stdtrit(n - 1, (1 + choice.level) / 2)) * std / math.sqrt(n)
    statistics |= {"std": std, "pairs_to_halve": pairs_to_halve(n, choice.level)}
    if not choice.resampled(n):
        low, high, kinds = log_t_of_rows(table, choice.level) if on_logs else (mean - half, mean + half, np.full(len(table), SIGNED))
        named = {kind: choice.named(f"{name} {unit}{choice.shortage(n, unit)}") for kind, name in OF_RULE.items()}
        return statistics | {"ci_low": low, "ci_high": high, "interval": [named[kind] for kind in kinds.tolist()]}
    ends = np.array([bootstrap_mean(values, choice.kind, choice.level, choice.resamples, choice.seed) for values in table])
    drawn = {"resamples": choice.resamples, "resampling_seed": choice.seed, "interval": choice.named(f"{KINDS[choice.kind]} {unit}")}
    return statistics | {"ci_low": ends[:, 0], "ci_high": ends[:, 1]} | drawn


def shared_interval(
    values: np.ndarray, names: pd.DataFrame, choice: IntervalChoice, on_logs: bool, examples: SharedExamples | None = None
) -> tuple[float, float, str]:
    """Return the interval of a cell whose pairs share networks, and its kind; over test examples too where what they add is given."""
    networks = names["network_a"].to_numpy(), names["network_b"].to_numpy()
    by_job = count_groups(*networks) >= ENOUGH_JOBS
    if on_logs:
        low, high, kind = (log_job_means if by_job else log_jackknife)(values, *networks, choice.level, examples)
    else:
        (low, high), kind = (job_means_t if by_job else network_jackknife)(values, *networks, choice.level, examples), SIGNED
    name = f"{OF_RULE[kind]} jobs" if by_job else f"{OF_SCALE[kind]}{JACKKNIFE}{OF_CUT[kind]}"
    return low, high, SHARED if math.isnan(low) else choice.named(name if examples is None else f"{name} {AND_EXAMPLES}")


def shortage_notes(table: pd.DataFrame, choice: IntervalChoice) -> list[str]:
    """Return a sentence if a bootstrap was asked for and cells of a table do not have it, with the numbers of their pairs and the least."""
    counts = table.loc[~table["metric"].isin(ENDPOINTS) & (table["n_pairs"] > 0), ["n_pairs", "resamples"]]
    without = counts.loc[counts["resamples"].isna(), "n_pairs"]
    if not choice.is_bootstrap or without.empty:
        return []
    few = without[without < FEWEST_TO_RESAMPLE]
    note = f"{len(without):,} of {len(counts):,} rows of barrier_vs_width.csv have none"
    if len(few):
        numbers = f"{few.min()}" if few.min() == few.max() else f"{few.min()} to {few.max()}"
        note += f": at least {FEWEST_TO_RESAMPLE} pairs are needed, and they have {numbers}"
    if len(few) < len(without):
        note += f"{', or' if len(few) else ':'} pairs that share networks"
    return [f"`--interval {choice.kind}`: {note}. Their own kind of interval stands in the column interval."]


def kinds_of(*tables: pd.DataFrame) -> str:
    """Return the kinds of interval of pairs that tables have, for the title of a figure; the default one where they have none.

    Of tables of several measures, signed ones among them, those of measures that cannot be negative: they are what is drawn.
    """
    drawn = set(schema.NOT_NEGATIVE) - set(ENDPOINTS)
    shown = [table[table["metric"].isin(drawn)] if "metric" in table else table for table in tables]
    kinds = {kind for table in shown for kind in table["interval"].dropna().unique() if not kind.startswith("none")}
    by_unit: dict[str, list[str]] = {}  # what an interval is over, and its level: said once
    for kind in sorted(kinds):
        name, over, unit = kind.partition(" over ")
        by_unit.setdefault(over + unit, []).append(name)
    return ", ".join(" or ".join(names) + unit for unit, names in by_unit.items()) or ON_LOGS
