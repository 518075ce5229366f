"""How wide is wide enough: the width from which on the mean barrier stays within a tolerance, one row per cell, method and metric."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from multirun_analysis.stats.crossings import Crossing, width_within
from multirun_analysis.stats.summary import cells_of
from multirun_analysis.tables.connected_share import TOLERANCES

COLUMNS = ("n_widths", "width_needed", "width_low", "width_high", "text")


def width_needed(table: pd.DataFrame, tolerances: dict[str, Sequence[float]] | None = None) -> pd.DataFrame:
    """Return the width needed by interpolation on logarithmic axes, with the widths at which the interval's ends cross the tolerance.

    Parameters
    ----------
    table : DataFrame
        As `barrier_vs_width` returns it.
    tolerances : dict of str to sequence of float, optional
        By measure.

    Returns
    -------
    DataFrame
        The cell's keys, ``matching``, ``repair``, ``split``, ``metric``, ``tolerance``, ``n_widths``, ``width_needed``, ``width_low``,
        ``width_high``, and ``text``, e.g. ``93 [64, 180]``. A width beyond the measured ones is empty there, and ``> 1024`` or ``<= 8`` in
        the text.
        The interval is that of the widths at which the tolerance lies inside the mean's interval, width by width: of power laws on grids
        of factor 4 it holds the true width in 96 of 100 cases and more (``benchmarks/results/coverage.csv``).
    """
    start = list(table.columns).index("matching")
    by = [*table.columns[:start], "matching", "repair", "split", "metric"]
    limits = TOLERANCES if tolerances is None else tolerances
    measured = table[table["mean"].notna() & table["metric"].isin(list(limits))]
    cells, keys = cells_of(measured, by)
    order = np.lexsort((measured["width"].to_numpy(), cells))
    values = np.split(measured[["width", "mean", "ci_low", "ci_high"]].to_numpy(dtype=float)[order], np.cumsum(np.bincount(cells))[:-1])
    rows = []
    for key, of_cell in zip(keys.itertuples(index=False, name=None), values, strict=False):
        name = dict(zip(by, key, strict=True))
        for tolerance in limits[name["metric"]] if len(of_cell) > 1 else ():
            rows.append(name | {"tolerance": tolerance, "n_widths": len(of_cell)} | _needed(of_cell, tolerance))
    return pd.DataFrame(rows, columns=[*by, "tolerance", *COLUMNS])


def _needed(cell: np.ndarray, tolerance: float) -> dict[str, object]:
    """Return the columns of one row; of the cell, shape (w, 4), the widths in ascending order, the means, and the intervals' ends."""
    widths, mean, low, high = cell.T
    estimate = width_within(widths, mean, tolerance)
    ends = [None if np.isnan(end).any() else width_within(widths, end, tolerance) for end in (low, high)]
    text = _text_of(estimate) + ("" if ends[0] is None or ends[1] is None else f" [{_text_of(ends[0])}, {_text_of(ends[1])}]")
    values = dict(zip(("width_needed", "width_low", "width_high"), (estimate, *ends), strict=True))
    return {key: _number(crossing) for key, crossing in values.items()} | {"text": text}


def _number(crossing: Crossing | None) -> float:
    return crossing.width if crossing is not None and crossing.side == "inside" else np.nan


def _text_of(crossing: Crossing) -> str:
    return {"inside": "", "above": "> ", "below": "<= "}[crossing.side] + f"{crossing.width:.0f}"
