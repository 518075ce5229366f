"""The share of pairs that are linearly connected against width: P(barrier <= tolerance), with its exact interval."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import ordered, ordered_values, value_text
from multirun_analysis.plots.base import Frames, SweepFigure
from multirun_analysis.plots.marks import estimate_text, mark, mark_panel
from multirun_analysis.plots.panels import legend_of_all, panel_rows, row_title
from multirun_analysis.plots.style import aside, figure_style, key_axis, key_look, panel_title
from multirun_analysis.tables.cells import cells, fixed_keys, left_out, shown_cells

METRIC, TOLERANCES = "error_barrier", (0.01, 0.02)  # shown; the table has more


def plot_connected_share(
    share: pd.DataFrame, *, x: str = "width", hue: str = "matching", runs: pd.DataFrame | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the share of connected pairs against width, or another key, with error bars.

    Parameters
    ----------
    share : DataFrame
        Rows of ``connected_share.csv`` of one cell, split, metric and tolerance.
    x, hue : str
        The keys that stand for width and method.
    runs : DataFrame, optional
        Rows of ``runs.csv`` of the same cell, for the seeds that the page names.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(4.6, 3.2))[1]
    values = ordered(share[x])
    positions = dict(zip(values, key_axis(ax, x, values), strict=True))
    kinds = ordered_values(share, hue)
    for k, kind in enumerate(kinds):
        colour, marker = key_look(hue, str(kind), [str(name) for name in kinds])
        rows = share[share[hue] == kind].assign(position=share[x].map(positions)).sort_values("position")
        at, mean, low, high = (rows[name].to_numpy(dtype=float) for name in ("position", "share", "ci_low", "ci_high"))
        at, has_bar = aside(ax, at, k, len(kinds)), ~np.isnan(low)  # many shares are 0 or 1
        (line,) = ax.plot(at, mean, marker=marker, color=colour, markersize=4.5, linewidth=1.2, label=for_figure(value_text(kind)))
        bars = ax.vlines(at[has_bar], low[has_bar], high[has_bar], color=colour, linewidth=0.9, alpha=0.7)
        tips = []
        for row in rows.to_dict("records"):
            pairs = None if runs is None else runs[(runs[hue] == kind) & (runs[x] == row[x])]
            tips.append(({x: value_text(row[x])}, estimate_text(row, "share of pairs connected", pairs, ("share", "ci_low", "ci_high"))))
        for artist, position in ((line, mean), (bars, low)):
            mark(artist, tips, position, **{hue: value_text(kind), "split": "test"})
    ax.set_ylim(-0.06, 1.06)
    return ax


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return the share of connected pairs on the test split, a row per cell, a panel per tolerance of the error barrier."""
    share = frames["connected_share"]
    shown = share[(share["split"] == "test") & (share["metric"] == METRIC)]
    keys = fixed_keys(frames["barrier_vs_width"], x, hue)
    all_cells = cells(shown, keys)
    rows, pairs = shown_cells(all_cells), cells(frames["runs"], keys)
    if not rows or shown[x].nunique() < 2:
        return None
    figure, axes = panel_rows(len(rows), len(TOLERANCES), share_y=True)
    with figure_style():
        for row, (key, cell) in zip(axes, rows, strict=True):
            for ax, tolerance in zip(row, TOLERANCES, strict=True):
                mark_panel(ax, keys, key)
                plot_connected_share(cell[cell["tolerance"] == tolerance], x=x, hue=hue, runs=pairs.get(key), ax=ax)
                panel_title(ax, _tolerance_title(tolerance))
            row_title(row[0], keys, key, _tolerance_title(TOLERANCES[0]))
            row[0].set_ylabel("share of pairs connected")
        kinds = ", ".join(sorted(shown["interval"].unique()))
        cut = left_out(len(rows), len(all_cells), "rows")
        legend_of_all(figure, axes.flat, f"share of pairs; bar: {kinds}", cut, methods=hue == "matching")
    return figure


def _tolerance_title(tolerance: float) -> str:
    return f"test error barrier ≤ {tolerance:g}"


FIGURE = SweepFigure(
    "Share of pairs that are connected",
    "An estimate of the probability that two networks are linearly connected at a tolerance of the error barrier "
    "(0.02: what Frankle et al. 2020 call stable).",
    draw,
    order=20,
    more="connected_share.csv has more tolerances, and the loss.",
)
