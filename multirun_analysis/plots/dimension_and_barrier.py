"""Does the barrier depend on the dimension of the weights? Approximate dimension against barrier, a point per pair and method."""

from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.base import Frames, SweepFigure, shown_metrics
from multirun_analysis.plots.marks import mark, mark_panel, pair_text, values_of
from multirun_analysis.plots.panels import legend_of_all, panel_rows
from multirun_analysis.plots.style import axis_label, barrier_axis, drawable, figure_style, method_look, plain_log_axis
from multirun_analysis.records.labels import method_order
from multirun_analysis.schema import PAIR
from multirun_analysis.stats.correlations import dimension_points
from multirun_analysis.tables.names import METRICS

FEWEST, MOST = 8, 3000  # points: fewer show nothing, and more add nothing


def plot_dimension_and_barrier(points: pd.DataFrame, *, metric: str = "loss_barrier", ax: Axes | None = None) -> Axes:
    """Draw a metric against the approximate dimension, by method.

    Parameters
    ----------
    points : DataFrame
        As `dimension_points` returns it.
    metric : str
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(4.6, 3.2))[1]
    methods = sorted(points["matching"].unique(), key=method_order)
    columns = list(points.columns)
    keys = [key for key in columns[columns.index("status") + 1 : columns.index(PAIR[0])] if key != "seed"]
    for method in methods:
        colour, marker = method_look(method, methods)
        cell = points[points["matching"] == method]
        look: dict[str, Any] = {"color": colour, "markersize": 3, "alpha": 0.6, "linestyle": "none", "label": for_figure(method)}
        (line,) = ax.plot(cell["approximate_dimension"], cell[metric], marker, **look)
        tips = []
        for row in cell.to_dict("records"):
            dimension = f"\napproximate dimension: {row['approximate_dimension']:.4g}"
            tips.append((values_of(keys, (row[key] for key in keys)), pair_text(row, axis_label(metric, "test"), row[metric]) + dimension))
        mark(line, tips, cell["approximate_dimension"] + cell[metric], matching=method, split="test")
    values = drawable(points[metric])
    barrier_axis(ax, values, values)
    plain_log_axis(ax)
    ax.set_xlabel("approximate dimension (mean over layers)")
    ax.set_ylabel(axis_label(metric, "test"))
    return ax


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return test loss and error barrier against the approximate dimension, over all cells of the sweep."""
    points = dimension_points(frames["runs"], frames["layers"])
    metrics = [metric for metric in shown_metrics(frames) if metric in METRICS]
    if len(points) < FEWEST or not metrics:
        return None
    every = -(-len(points) // MOST)
    title = "points: pairs of networks" + (f", one in {every}" if every > 1 else "")
    points = points.iloc[::every]
    figure, axes = panel_rows(1, len(metrics))
    with figure_style():
        for ax, metric in zip(axes[0], metrics, strict=True):
            mark_panel(ax, [], [])
            plot_dimension_and_barrier(points, metric=metric, ax=ax)
        legend_of_all(figure, axes.flat, title, methods=True)
    return figure


FIGURE = SweepFigure(
    "Dimension and barrier",
    "The paper's third claim is that connectivity depends on the dimension of the weights' distribution. Width is not held fixed here.",
    draw,
    order=40,
    more="In the table dimension_correlations of a study it is.",
    of_metrics=True,
)
