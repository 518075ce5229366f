"""Barrier against width: points for pairs, a line for the mean, a bar for its interval, one colour per method."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import ordered, ordered_values, value_text
from multirun_analysis.plots.base import Frames, SweepFigure, shown_metrics
from multirun_analysis.plots.lines import plot_bars, plot_pairs
from multirun_analysis.plots.marks import Values, estimate_text, mark, mark_panel, pair_text
from multirun_analysis.plots.panels import differing, join_panels, legend_of_all, panel_rows, row_title, same_limits
from multirun_analysis.plots.style import aside, axis_label, barrier_axis, drawable, figure_style, key_axis, key_look
from multirun_analysis.stats.summary import kinds_of
from multirun_analysis.tables.cells import MOST_COLUMNS, cells, fixed_keys, left_out, shown_cells


def plot_barrier_vs_width(
    table: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    metric: str = "loss_barrier",
    split: str = "test",
    x: str = "width",
    hue: str = "matching",
    whole: pd.DataFrame | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a metric against width, or another key, for one cell of the other keys.

    The vertical axis is logarithmic down to the decade of the smallest mean and linear from there to 0, so that zeros are seen.

    Parameters
    ----------
    table : DataFrame
        Rows of ``barrier_vs_width.csv``: one dataset, model, depth and set of varying keys.
    runs : DataFrame
        Rows of ``runs.csv`` of the same cell: its pairs.
    metric : str
        A measure of both frames, ``loss_barrier`` or another.
    split : str
        ``train`` or ``test``.
    x, hue : str
        The keys that stand for width and method.
    whole : DataFrame, optional
        The table of all panels of a figure, in which a value of `hue` has one look, and whose means set one scale; `table`, if not given.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(5.2, 3.6))[1]
    estimates = _estimates(table, metric, split)
    everywhere = estimates if whole is None else _estimates(whole, metric, split)
    pairs = runs[(runs["split"] == split) & (runs["status"] == "ok")]
    kinds = ordered_values(estimates, hue)
    values_x = ordered(estimates[x])
    positions = dict(zip(values_x, key_axis(ax, x, values_x), strict=True))
    beside = [aside(ax, list(positions.values()), k, len(kinds)) for k in range(len(kinds))]  # at the scale that the axis has now
    names = [str(kind) for kind in ordered_values(everywhere, hue)]
    for k, kind in enumerate(kinds):
        points = pairs[(pairs[hue] == kind) & pairs[x].isin(values_x)]
        colour, marker = key_look(hue, str(kind), names)
        at = points[x].map(dict(zip(values_x, beside[k], strict=True)))
        single = plot_pairs(at, points[metric], ax=ax, colour=colour, marker=marker)
        line = estimates[estimates[hue] == kind].assign(position=estimates[x].map(dict(zip(values_x, beside[k], strict=True))))
        line = line.sort_values("position")
        means = plot_bars(line["position"], line, ax=ax, label=for_figure(value_text(kind)), colour=colour, marker=marker)
        _mark(single, means, points, line, x, {hue: value_text(kind), "split": split}, metric)
    barrier_axis(ax, drawable(everywhere["mean"]), drawable(pairs[metric]))
    ax.set_ylabel(axis_label(metric, split))
    return ax


def _mark(
    single: Line2D, means: tuple[Line2D, LineCollection], pairs: pd.DataFrame, line: pd.DataFrame, x: str, values: Values, metric: str
) -> None:
    """Let the page say of every pair and mean what it is; of a pair also the mean that it is in."""
    measure = axis_label(metric, values["split"])
    of_mean = {row[x]: estimate_text(row, measure, pairs[pairs[x] == row[x]]) for row in line.to_dict("records")}
    tips = [({x: value_text(at)}, text) for at, text in of_mean.items()]
    for artist, positions in zip(means, (line["mean"], line["ci_low"] + line["ci_high"]), strict=True):
        mark(artist, tips, drawable(positions), **values)
    rows = pairs.to_dict("records")
    texts = [pair_text(row, measure, row[metric], of_mean.get(row[x], "")) for row in rows]
    mark(single, [({x: value_text(row[x])}, text) for row, text in zip(rows, texts, strict=True)], drawable(pairs[metric]), **values)


def _estimates(table: pd.DataFrame, metric: str, split: str) -> pd.DataFrame:
    return table[(table["metric"] == metric) & (table["split"] == split) & (table["n_pairs"] > 0)]


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return test loss and error barrier against `x`, a row of panels for each cell of the keys other than `x` and `hue`.

    Where lines are not methods, rows are compared with one another: they share a scale. The cells of one measure alone stand side by side.
    """
    table = frames["barrier_vs_width"]
    keys = fixed_keys(table, x, hue)
    all_cells = cells(table[table["n_pairs"] > 0], keys)
    rows = shown_cells(all_cells)
    pairs, metrics = cells(frames["runs"], keys), shown_metrics(frames)
    if not rows or not metrics:
        return None
    is_alone, is_shared = len(metrics) == 1, hue != "matching"
    n_columns = min(len(rows), MOST_COLUMNS) if is_alone else len(metrics)
    figure, axes = panel_rows(-(-len(rows) // n_columns) if is_alone else len(rows), n_columns)
    whole = table if is_shared or is_alone else None  # one scale, which its ends alone do not make
    with figure_style():
        for position, (key, cell) in enumerate(rows):
            panels = axes.flat[position : position + 1] if is_alone else axes[position]
            for ax, metric in zip(panels, metrics, strict=True):
                mark_panel(ax, keys, key)
                plot_barrier_vs_width(cell, pairs[key], metric=metric, x=x, hue=hue, whole=whole, ax=ax)
            row_title(panels[0], *differing(keys, key, [other for other, _ in rows]))
        if is_alone:
            join_panels(axes, len(rows))
        elif is_shared:
            for column in axes.T:
                same_limits(column)
        title = f"points: pairs; line: mean; bar: {kinds_of(table)}" + (f"\nlines: {for_figure(hue)}" if is_shared else "")
        legend_of_all(figure, axes.flat, title, left_out(len(rows), len(all_cells), "rows"), methods=hue == "matching")
    return figure


FIGURE = SweepFigure(
    "Barrier against {x}",
    "The highest rise of the test {measures}, along the path between two networks, above the straight line between the networks' own "
    "values.",
    draw,
    order=0,
    of_metrics=True,
    of_control="identity is the control, without matching.",
)
