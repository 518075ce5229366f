"""How networks were trained: loss and error against the epoch, a thin line for each network and a thick one for their mean."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import ordered
from multirun_analysis.plots.base import Frames, SweepFigure
from multirun_analysis.plots.marks import mark, mark_panel, seeds_text
from multirun_analysis.plots.panels import label_first, legend_of_all, panel_rows, row_title, value_title
from multirun_analysis.plots.style import COLOURS, LONGEST, UNITS, figure_style, panel_title, plain_log_axis
from multirun_analysis.tables.cells import LEAST_ROWS, cells, few_of, fixed_keys, left_out, shown_cells

MOST_NETWORKS = 20
LOOKS = {"train": (COLOURS[1], "--"), "test": (COLOURS[0], "-")}


def plot_training_curves(curves: pd.DataFrame, *, metric: str = "loss", ax: Axes | None = None) -> Axes:
    """Draw a thin curve for each network and a thick one for their mean, by split: dashed for the training split.

    Parameters
    ----------
    curves : DataFrame
        Rows of ``training_curves.csv`` of one cell and width. The mean is drawn at the epochs that all networks have.
    metric : str
        ``loss`` or ``error``.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(3.0, 2.6))[1]
    for split, (colour, style) in LOOKS.items():
        rows = curves[curves["split"] == split]
        by_network = rows.pivot_table(index="epoch", columns="network", values=metric)  # of all jobs once
        for network, curve in by_network.iloc[:, :MOST_NETWORKS].items():
            curve = curve.dropna()
            (line,) = ax.plot(curve.index, curve, color=colour, linestyle=style, linewidth=0.5, alpha=0.35)
            seeds = seeds_text(rows[rows["network"] == network])
            mark(line, [({}, f"{seeds}, network {str(network)[:8]}{_last(metric, curve)}")], split=split)
        mean = by_network.dropna().mean(axis=1)
        (line,) = ax.plot(mean.index, mean, color=colour, linestyle=style, linewidth=1.6, label=split)
        mark(line, [({}, f"mean of {by_network.shape[1]} networks, {seeds_text(rows)}{_last(metric, mean)}")], split=split)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
    if metric == "loss":
        plain_log_axis(ax, "y")
    return ax


def _last(metric: str, curve: pd.Series) -> str:
    """Return a line on the last value of a curve."""
    return f"\n{metric} [{UNITS[metric]}] at epoch {curve.index[-1]:g}: {curve.iloc[-1]:.4g}" if len(curve) else ""


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return loss and error by epoch: two rows per cell, a panel per width (or `x`); some of more than 4 cells or panels, which it says."""
    curves = frames["training_curves"]
    curves = curves[curves["status"] == "ok"]
    if curves.empty:
        return None
    across = x if x in curves else "width"  # a method or a repair has no curve of its own
    keys = fixed_keys(frames["barrier_vs_width"], across, "matching", "repair")
    all_cells, all_values = cells(curves, keys or ["dataset"]), ordered(curves[across])
    rows, values = shown_cells(all_cells, LEAST_ROWS), few_of(all_values)
    metrics = [metric for metric in UNITS if curves[metric].notna().any()]
    size = max(2.4, 9.6 / len(values)) if len(values) > 1 else 5.6
    figure, axes = panel_rows(len(metrics) * len(rows), len(values), (size, 2.4), share_x=True, share_y="row")
    with figure_style():
        for k, row in enumerate(axes):
            (key, cell), metric = rows[k // len(metrics)], metrics[k % len(metrics)]
            for ax, value in zip(row, values, strict=True):
                panel = cell[cell[across] == value]
                if panel.empty:
                    ax.set_axis_off()
                    continue
                mark_panel(ax, [*keys, across], [*key, value])
                plot_training_curves(panel, metric=metric, ax=ax)
                panel_title(ax, value_title(across, value))
            if metric == metrics[0]:
                row_title(row[0], keys, key, value_title(across, values[0]) if row[0].axison else " ")
            label_first(row, f"{metric} [{UNITS[metric]}]")
        for ax in axes[-1]:
            ax.set_xlabel("epoch")
        panels = left_out(len(values), len(all_values), f"panels of {for_figure(across, LONGEST)}", ends=True)
        networks = f"thin: networks (the first {MOST_NETWORKS}, where there are more); thick: the mean of all"
        cut = left_out(len(rows), len(all_cells), "cells")
        legend_of_all(figure, axes.flat, networks, cut, panels, methods=False)
    return figure


FIGURE = SweepFigure(
    "Training curves",
    "Loss and error of every network on both splits against the epochs that are over, with the weights as they were then, batch norms in "
    "evaluation mode, without smoothing and augmentation; 0 is before the first step.",
    draw,
    order=45,
)
