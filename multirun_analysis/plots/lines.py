"""A measure against any key: a line for the mean over pairs, a band or bars for its interval, points for the pairs."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from multirun_analysis.plots.style import drawable, scaled


def plot_line(summary: pd.DataFrame, x: str, *, ax: Axes, band: bool = True, **look: Any) -> Line2D:
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

    Returns
    -------
    Line2D
    """
    rows = summary.sort_values(x)
    positions, mean, low, high = (drawable(rows[name]) for name in (x, "mean", "ci_low", "ci_high"))
    (line,) = ax.plot(positions, mean, **{"markersize": scaled(4), "linewidth": 1.3, **look})
    if band:
        ax.fill_between(positions, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    return line


def plot_bars(at: Any, rows: pd.DataFrame, *, ax: Axes, label: str, colour: str, marker: str) -> tuple[Line2D, LineCollection]:
    """Draw means at these positions, joined by a line, each with its interval as a bar: for lines that stand beside one another."""
    positions = drawable(at)
    (line,) = ax.plot(positions, drawable(rows["mean"]), marker=marker, color=colour, markersize=scaled(4.5), linewidth=1.2, label=label)
    return line, ax.vlines(positions, drawable(rows["ci_low"]), drawable(rows["ci_high"]), color=colour, linewidth=1.6, alpha=0.7)


def plot_pairs(at: Any, values: Any, *, ax: Axes, colour: str, marker: str) -> Line2D:
    """Draw the values of single pairs, small and pale, behind what is drawn of their means."""
    (points,) = ax.plot(drawable(at), drawable(values), marker, color=colour, markersize=scaled(2.5), alpha=0.35, linestyle="none")
    return points
