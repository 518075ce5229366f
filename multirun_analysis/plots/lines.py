"""A measure against any key on logarithmic axes: a line for the mean over pairs, a band for its interval."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from multirun_analysis.plots.style import drawable


def plot_line(summary: pd.DataFrame, x: str, *, ax: Axes, band: bool = True, **look: Any) -> None:
    """Draw the means of a summary against one of its columns, with the interval as a band.

    Parameters
    ----------
    summary : DataFrame
        As `stats.summary.summarise` returns it, one row per value of `x`.
    x : str
    ax : Axes
    band : bool
    **look
        Of the line: colour, marker, label, ...
    """
    rows = summary.sort_values(x)
    positions, mean, low, high = (drawable(rows[name]) for name in (x, "mean", "ci_low", "ci_high"))
    (line,) = ax.plot(positions, mean, **{"markersize": 4, "linewidth": 1.3, **look})
    if band:
        ax.fill_between(positions, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
