"""How wide is wide enough: the width from which on the mean barrier stays within a tolerance, one row per cell, method and metric."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from multirun_analysis.stats.crossings import Crossing, width_within
from multirun_analysis.tables.connected_share import TOLERANCES

COLUMNS = ("n_widths", "width_needed", "width_low", "width_high", "text")


def width_needed(table: pd.DataFrame, tolerances: dict[str, Sequence[float]] | None = None) -> pd.DataFrame:
    """Return the width needed by interpolation in log width, with the widths at which the interval's ends cross the tolerance.

    Parameters
    ----------
    table : DataFrame
        As `barrier_vs_width` returns it.
    tolerances : dict of str to sequence of float, optional
        By measure.

    Returns
    -------
    DataFrame
        The cell's keys, ``matching``, ``split``, ``metric``, ``tolerance``, ``n_widths``, ``width_needed``, ``width_low``, ``width_high``,
        and ``text``, e.g. ``93 [64, 180]``. A width beyond the measured ones is empty there, and ``> 1024`` or ``<= 8`` in the text.
        The interval is that of the widths at which the tolerance lies inside the mean's interval, width by width.
    """
    start = list(table.columns).index("matching")
    by = [*table.columns[:start], "matching", "split", "metric"]
    rows = []
    for key, cell in table.groupby(by, sort=False):
        name = dict(zip(by, key, strict=True))
        measured = cell[cell["mean"].notna()].sort_values("width")
        for tolerance in (TOLERANCES if tolerances is None else tolerances).get(str(name["metric"]), ()):
            if len(measured) > 1:
                rows.append(name | {"tolerance": tolerance, "n_widths": len(measured)} | _needed(measured, tolerance))
    return pd.DataFrame(rows, columns=[*by, "tolerance", *COLUMNS])


def _needed(cell: pd.DataFrame, tolerance: float) -> dict[str, object]:
    widths = cell["width"].to_numpy(dtype=float)
    mean = width_within(widths, cell["mean"].to_numpy(), tolerance)
    low, high = (None if cell[end].isna().any() else width_within(widths, cell[end].to_numpy(), tolerance) for end in ("ci_low", "ci_high"))
    text = _said(mean) + ("" if low is None or high is None else f" [{_said(low)}, {_said(high)}]")
    values = {"width_needed": mean, "width_low": low, "width_high": high}
    return {key: _number(crossing) for key, crossing in values.items()} | {"text": text}


def _number(crossing: Crossing | None) -> float:
    return crossing.width if crossing is not None and crossing.side == "inside" else np.nan


def _said(crossing: Crossing) -> str:
    return {"inside": "", "above": "> ", "below": "<= "}[crossing.side] + f"{crossing.width:.0f}"
