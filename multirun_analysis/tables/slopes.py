"""How barriers fall with width: a slope per cell, and for every two neighbouring widths whether the barrier falls or rises."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.stats.decisions import holm, two_sided_p
from multirun_analysis.stats.interval_choice import LEVEL
from multirun_analysis.stats.intervals import student_t
from multirun_analysis.stats.slopes import Slope, slope_over_widths
from multirun_analysis.stats.summary import cells_of
from multirun_analysis.tables.barrier_vs_width import varying_columns

SLOPES = (
    "slope", "ci_low", "ci_high", "interval", "window", "n_widths", "n_seeds", "zeros", "lack_of_fit", "lack_of_fit_p", "local_slopes",
)  # fmt: skip
STEPS = ("from_width", "to_width", "n_seeds", "difference", "ci_low", "ci_high", "p_value", "p_holm", "direction")
METRICS = ("loss_barrier", "error_barrier")
POOLED = f"log-scale t, spread pooled over widths, {LEVEL:.0%}"


def slopes(
    frame: pd.DataFrame, metrics: Sequence[str] = METRICS, by: Sequence[str] | None = None, window: tuple[float, float] | None = None
) -> pd.DataFrame:
    """Return the slope of the log of a measure's mean against log width, with its window and interval, for every cell, method and split.

    Parameters
    ----------
    frame : DataFrame
        Rows of ``runs.csv``, or of another table with `seed`, `width`, `status` and the columns named.
    metrics : sequence of str
        The measures; barriers if not given.
    by : sequence of str, optional
        The columns that make a cell; those of ``runs.csv`` if not given.
    window : tuple of float, optional
        The least and the largest width; all if not given.

    Returns
    -------
    DataFrame
        Columns: `by`, ``metric``, ``slope``, ``ci_low``, ``ci_high``, ``interval``, ``window`` (its
        widths), ``n_widths`` (in the window), ``n_seeds``, ``zeros`` (values that are exactly 0, over all widths: they are counted,
        never clipped), ``lack_of_fit`` (F) and ``lack_of_fit_p``, ``local_slopes``, e.g. ``-0.92 ± 0.11; -1.31 ± 0.11``.
    """
    by = _keys(frame) if by is None else list(by)
    rows = []
    for key, widths, values, zeros in _cells(frame, metrics, by):
        slope = slope_over_widths(widths, values, window=window)
        rows.append(
            key
            | {
                "slope": slope.slope, "ci_low": slope.low, "ci_high": slope.high,
                "interval": POOLED if not np.isnan(slope.low) else "none", "window": " ".join(map(str, slope.window)) or "none",
                "n_widths": len(slope.window), "n_seeds": len(values), "zeros": zeros,
                "lack_of_fit": slope.lack_of_fit, "lack_of_fit_p": slope.p, "local_slopes": _local(slope),
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=[*by, "metric", *SLOPES])


def width_steps(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean difference of the barrier between neighbouring widths, paired by seed, and what it is called.

    ``ci_low``, ``ci_high`` and ``p_value`` are Student's, of every step for itself: the interval says how much the barrier could still
    fall or rise there. Of many steps some are decided by chance, so ``p_holm`` is corrected for the number of steps of a method (`holm`:
    of one cell, repair, split and metric), and ``direction`` is ``falls`` or ``rises`` where it is below 1 - level, else ``undecided``.
    """
    rows, family = [], []
    for number, (key, widths, values, _) in enumerate(_cells(runs, METRICS, _keys(runs))):
        family += [number] * (len(widths) - 1)
        for k in range(len(widths) - 1):
            difference = values[:, k + 1] - values[:, k]
            difference = difference[~np.isnan(difference)]
            low, high = student_t(difference)
            rows.append(
                key
                | {
                    "from_width": int(widths[k]), "to_width": int(widths[k + 1]), "n_seeds": len(difference),
                    "difference": difference.mean() if len(difference) else np.nan, "ci_low": low, "ci_high": high,
                    "p_value": _p_value(difference),
                }
            )  # fmt: skip
    table = pd.DataFrame(rows, columns=[*_keys(runs), "metric", *STEPS])
    table["p_holm"] = holm(table["p_value"].to_numpy(dtype=float), np.array(family, dtype=int))
    sides = np.where(table["difference"] < 0, "falls", "rises")
    undecided = np.where(table["n_seeds"] > 0, "undecided", "no common seed")
    table["direction"] = np.where(table["p_holm"] < 1 - LEVEL, sides, undecided)
    return table


def _p_value(difference: np.ndarray) -> float:
    """Return the p-value of a mean difference, NaN of fewer than two."""
    n = len(difference)
    return float(two_sided_p(difference.mean(), difference.std(ddof=1) / np.sqrt(n), n - 1)) if n > 1 else np.nan


def _local(slope: Slope) -> str:
    """Return the slopes between neighbouring widths as text, with half their intervals where they have some."""
    values = zip(slope.local, slope.local_half, strict=True)
    return "; ".join(f"{value:.2f}" if np.isnan(half) else f"{value:.2f} ± {half:.2f}" for value, half in values) or "none"


def _keys(runs: pd.DataFrame) -> list[str]:
    return [*schema.CELL, *varying_columns(runs), "matching", "repair", "split"]


def _cells(frame: pd.DataFrame, metrics: Sequence[str], by: list[str]) -> Iterator[tuple[dict[str, Any], np.ndarray, np.ndarray, int]]:
    """Yield the keys of every cell, its widths (w,), its values (seeds, w) with pairs of a job averaged, and how many values are 0."""
    measured = frame[frame["status"] == "ok"]
    cells, keys = cells_of(measured, by)
    if measured.empty:
        return
    # one mean over all cells at once: pandas takes a millisecond for each call, and there may be thousands of cells
    means = measured[list(metrics)].groupby([cells, measured["seed"].to_numpy(), measured["width"].to_numpy()]).mean()
    zeros = (measured[list(metrics)] == 0).groupby(cells).sum()
    ends = np.searchsorted(means.index.get_level_values(0).to_numpy(), np.arange(len(keys) + 1))
    seeds, widths = (means.index.get_level_values(level).to_numpy() for level in (1, 2))
    for cell, key in enumerate(keys.itertuples(index=False, name=None)):
        inside = slice(ends[cell], ends[cell + 1])
        for metric in metrics:
            table, columns = _pivoted(seeds[inside], widths[inside], means[metric].to_numpy()[inside])
            if len(columns) > 1:
                yield dict(zip(by, key, strict=True)) | {"metric": metric}, columns, table, int(zeros[metric].iloc[cell])


def _pivoted(seeds: np.ndarray, widths: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values as a table (seeds, w), NaN where there is none, and its widths; a seed or width without any value is left out."""
    present = ~np.isnan(values)
    rows, columns = (np.unique(keys[present], return_inverse=True) for keys in (seeds, widths))
    table = np.full((len(rows[0]), len(columns[0])), np.nan)
    table[rows[1], columns[1]] = values[present]
    return table, columns[0]
