"""The summary of a measure over the pairs of a cell: mean, spread, interval."""

import math

import pandas as pd

from multirun_analysis.stats.intervals import LEVEL, count_groups, job_means_t, network_jackknife, student_t

STUDENT = f"Student's t over pairs, {LEVEL:.0%}"
ONE_VALUE = "none: one pair"
JACKKNIFE = f"delete-one-network jackknife, {LEVEL:.0%}"
SHARED = "none: pairs share networks, and none can be left out"
JOBS = f"Student's t over jobs, {LEVEL:.0%}"
NO_VALUE = "none: no pair"
ENOUGH_JOBS = 4  # whose means are better replicates than their networks are


def summarise(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Return one row per cell with the statistics of a measure over its pairs.

    Pairs are independent unless they share a network. Where they do, Student's interval would be too narrow; it is taken over the
    means of jobs where there are four and more, and else the jackknife over networks takes its place. `interval` says which it is, or
    why there is none.

    Parameters
    ----------
    frame : DataFrame
        One row per pair, with the columns `by`, `value`, ``network_a`` and ``network_b``.
    by : list of str
        The columns that make a cell.
    value : str
        The measure; rows where it is missing do not count.

    Returns
    -------
    DataFrame
        Columns `by`, then n_pairs, n_networks, mean, std, ci_low, ci_high, interval, median, min, max.
    """
    rows = []
    for key, cell in frame.groupby(by, sort=False, dropna=False):
        rows.append(dict(zip(by, key, strict=True)) | _statistics(cell[cell[value].notna()], value))
    names = ["n_pairs", "n_networks", "mean", "std", "ci_low", "ci_high", "interval", "median", "min", "max"]
    return pd.DataFrame(rows, columns=[*by, *names])


def _statistics(cell: pd.DataFrame, value: str) -> dict[str, object]:
    values = cell[value]
    networks = pd.concat([cell["network_a"], cell["network_b"]])
    shared = networks.nunique() < len(networks)
    if shared:
        pairs = values.to_numpy(), cell["network_a"].to_numpy(), cell["network_b"].to_numpy()
        by_job = count_groups(*pairs[1:]) >= ENOUGH_JOBS
        low, high = job_means_t(*pairs) if by_job else network_jackknife(*pairs)
        kind = SHARED if math.isnan(low) else JOBS if by_job else JACKKNIFE
    else:
        low, high = student_t(values.to_numpy())
        kind = STUDENT if len(values) > 1 else ONE_VALUE if len(values) else NO_VALUE
    return {
        "n_pairs": len(values),
        "n_networks": networks.nunique(),
        "mean": values.mean(),
        "std": values.std(ddof=1),
        "ci_low": low,
        "ci_high": high,
        "interval": kind,
        "median": values.median(),
        "min": values.min(),
        "max": values.max(),
    }


def kinds_of(*tables: pd.DataFrame) -> str:
    """Return the kinds of interval that tables have, for the title of a figure; the default one where they have none."""
    kinds = {kind for table in tables for kind in table["interval"].dropna().unique() if not kind.startswith("none")}
    return ", ".join(sorted(kinds)) or STUDENT
