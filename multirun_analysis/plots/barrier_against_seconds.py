"""Which method is worth its time: the mean barrier against the mean time to match, a point per method."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import ordered, ordered_values
from multirun_analysis.plots.base import Frames, SweepFigure
from multirun_analysis.plots.marks import estimate_text, mark, mark_panel
from multirun_analysis.plots.panels import label_first, legend_of_all, panel_rows, row_title, value_title
from multirun_analysis.plots.style import axis_label, barrier_axis, drawable, figure_style, method_look, panel_title, plain_log_axis
from multirun_analysis.stats.summary import kinds_of
from multirun_analysis.tables.barrier_against_seconds import barrier_against_seconds
from multirun_analysis.tables.cells import cells, few_of, fixed_keys, left_out, shown_cells

CONTROL = "identity"
LEAST_METHODS = 3  # beside the control
TIMES = ("seconds", "seconds_low", "seconds_high")


def plot_barrier_against_seconds(
    table: pd.DataFrame, *, methods: list[str] | None = None, runs: pd.DataFrame | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the mean barrier against the mean time to match, by method, with both intervals; identity, which takes none, as a line.

    Parameters
    ----------
    table : DataFrame
        As `barrier_against_seconds` returns it, of one cell, repair and width.
    methods : list of str, optional
        All methods of the figure, by which those without a colour of their own are told apart; those of the table if not given.
    runs : DataFrame, optional
        Rows of ``runs.csv`` of the same cell and width, for the seeds that the page names.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(4.6, 3.2))[1]
    names = ordered_values(table, "matching") if methods is None else methods
    for row in table.sort_values("matching", key=lambda column: column.map(names.index)).to_dict("records"):
        colour, marker = method_look(row["matching"], names)
        mean, low, high, seconds, left, right = drawable([row[name] for name in ("mean", "ci_low", "ci_high", *TIMES)])
        if row["matching"] == CONTROL:
            line = ax.axhline(mean, color=colour, linewidth=1.2, linestyle="--", label=CONTROL)
            mark(line, [({}, _tip(row, runs))], [mean], matching=CONTROL, split="test")
            continue
        bars = (
            ax.vlines(seconds, low, high, color=colour, linewidth=1.2, alpha=0.7),
            ax.hlines(mean, left, right, color=colour, linewidth=1.2, alpha=0.7),
        )
        label = for_figure(row["matching"])
        look: dict[str, Any] = {"color": colour, "markersize": 6, "linestyle": "none", "label": label}
        (point,) = ax.plot([seconds], [mean], marker, **look, clip_on=False)  # 0 is on the axis
        for artist, positions in ((point, mean + seconds), (bars[0], low + high + seconds), (bars[1], left + right + mean)):
            mark(artist, [({}, _tip(row, runs))], [positions], matching=row["matching"], split="test")
    timed = table[(table["matching"] != CONTROL) & (table["seconds"] > 0)]
    if len(timed):  # an interval that reaches below 0 ends at the axis
        ends = np.concatenate([drawable(timed[name]) for name in TIMES])
        ends = ends[ends > 0]
        plain_log_axis(ax)
        ax.set_xlim(max(ends.min(), timed["seconds"].min() / 5) / 1.5, ends.max() * 1.5)
    barrier_axis(ax, drawable(table["mean"]), drawable(table["mean"]))
    ax.set_xlabel("time to match [s]")
    return ax


def _tip(row: Mapping[Any, Any], runs: pd.DataFrame | None) -> str:
    """Return what the page says of a method: its barrier and, but of the control, its time."""
    pairs = None if runs is None else runs[runs["matching"] == row["matching"]]
    time = "" if row["matching"] == CONTROL else "\n" + estimate_text({**row, "interval": ""}, "time to match [s]", names=TIMES)
    return estimate_text(row, axis_label("loss_barrier", "test"), pairs) + time


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return the barrier against the time to match, a row per cell and repair, a panel per width (or `x`); of many values three."""
    table = frames["barrier_vs_width"]
    points = barrier_against_seconds(frames["runs"], table)
    methods = ordered_values(points, "matching")
    if len([method for method in methods if method != CONTROL]) < LEAST_METHODS:
        return None
    x = "width" if x in ("matching", "repair") else x
    keys = fixed_keys(table, x, "matching")
    all_cells, all_values = cells(points, keys), ordered(points[x])
    rows, values, runs = shown_cells(all_cells), few_of(all_values), cells(frames["runs"], [*keys, x])
    size = max(2.6, 9.6 / len(values)) if len(values) > 1 else 5.6, 3.0
    figure, axes = panel_rows(len(rows), len(values), size, share_y="row")
    with figure_style():
        for row, (key, cell) in zip(axes, rows, strict=True):
            for ax, value in zip(row, values, strict=True):
                panel = cell[cell[x] == value]
                if panel.empty:
                    ax.set_axis_off()
                    continue
                mark_panel(ax, [*keys, x], [*key, value])
                pairs = runs.get((*key, value))
                plot_barrier_against_seconds(panel, methods=methods, runs=pairs, ax=ax)
                panel_title(ax, value_title(x, value))
            row_title(row[0], keys, key, value_title(x, values[0]) if row[0].axison else " ")
            label_first(row, axis_label("loss_barrier", "test"))
        cuts = left_out(len(rows), len(all_cells), "rows"), left_out(len(values), len(all_values), f"panels of {x}", ends=True)
        title = f"points: means over pairs; bars: {kinds_of(table)}"
        legend_of_all(figure, axes.flat, title, *cuts, methods=True, columns=5)
    return figure


FIGURE = SweepFigure(
    "Barrier against time",
    "The mean test loss barrier against the mean time to match: which method is worth its time, and which is beaten on both axes. "
    "Times are those of the machine that the jobs ran on.",
    draw,
    order=35,
    of_control="The dashed line is identity, which takes no time.",
)
