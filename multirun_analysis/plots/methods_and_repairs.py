"""Methods and repairs beside one another: a row per method, a colour and marker per repair, the barrier to the right."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import ordered, ordered_values
from multirun_analysis.plots.base import Frames, SweepFigure
from multirun_analysis.plots.marks import estimate_text, mark, mark_panel, pair_text
from multirun_analysis.plots.panels import label_first, legend_of_all, panel_rows, row_title, value_title
from multirun_analysis.plots.style import LONGEST, axis_label, barrier_axis, drawable, figure_style, key_look, panel_title
from multirun_analysis.stats.summary import kinds_of
from multirun_analysis.tables.cells import cells, few_of, fixed_keys, left_out, shown_cells

METRIC = "loss_barrier"
LEAST_METHODS, LEAST_REPAIRS = 2, 2  # beside identity; fewer of both are seen in the other figures
SPREAD = 0.7  # of the room of a method, that its repairs take


def plot_methods_and_repairs(table: pd.DataFrame, runs: pd.DataFrame, methods: list[str], *, ax: Axes | None = None) -> Axes:
    """Draw the test loss barrier of methods, from top to bottom, under each repair: pairs as points, the mean, its interval as a bar.

    Parameters
    ----------
    table : DataFrame
        Rows of ``barrier_vs_width.csv`` of one cell and width, of the test loss barrier.
    runs : DataFrame
        Rows of ``runs.csv`` of the same cell and width: its pairs, on the test split.
    methods : list of str
        From top to bottom.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(4.6, 0.3 * len(methods) + 1))[1]
    repairs, measure = ordered_values(table, "repair"), axis_label(METRIC, "test")
    shifts = SPREAD * ((np.arange(len(repairs)) + 0.5) / len(repairs) - 0.5)
    for colour, marker, label, estimates in _series(table, methods, repairs):
        height = _heights(estimates, methods, dict(zip(repairs, shifts, strict=True)))
        names = zip(estimates["matching"], estimates["repair"], height, strict=True)
        tips = []
        for (method, repair, at), row in zip(names, estimates.to_dict("records"), strict=True):
            pairs = runs[(runs["matching"] == method) & (runs["repair"] == repair)]
            values, x = {"matching": method, "repair": repair}, drawable(pairs[METRIC])
            (points,) = ax.plot(x, np.full(len(pairs), at), marker, color=colour, markersize=2, alpha=0.4, linestyle="none")
            tips.append((values, estimate_text(row, measure, pairs)))
            texts = [pair_text(pair, measure, pair[METRIC], tips[-1][1]) for pair in pairs.to_dict("records")]
            mark(points, [({}, text) for text in texts], x, **values, split="test")
        low, mean, high = (drawable(estimates[name]) for name in ("ci_low", "mean", "ci_high"))
        mark(ax.hlines(height, low, high, color=colour, linewidth=1.4, alpha=0.8), tips, low + high, split="test")
        look: dict[str, Any] = {"color": colour, "markersize": 5, "linestyle": "none", "label": label}
        (line,) = ax.plot(mean, height, marker, **look, clip_on=False)  # a mean of 0 is on the axis
        mark(line, tips, mean, split="test")
    barrier_axis(ax, drawable(table["mean"]), drawable(runs[METRIC]), "x")
    ax.yaxis.set_major_locator(FixedLocator(range(len(methods))))
    ax.yaxis.set_major_formatter(FixedFormatter([for_figure(method, LONGEST) for method in methods]))
    ax.set_ylim(len(methods) - 0.5, -0.5)
    ax.set_xlabel(measure)
    return ax


def _series(table: pd.DataFrame, methods: list[str], repairs: list[str]) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    """Yield colour, marker, label and rows of every repair; with one repair of every method."""
    key, names = ("repair", repairs) if len(repairs) > 1 else ("matching", methods)
    for name in names:
        yield *key_look(key, name, names), for_figure(name), table[table[key] == name]


def _heights(estimates: pd.DataFrame, methods: list[str], shifts: dict[str, float]) -> np.ndarray:
    rows = zip(estimates["matching"], estimates["repair"], strict=True)
    return np.array([methods.index(method) + shifts[repair] for method, repair in rows])


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return the test loss barrier of methods and repairs, a row of panels per cell, a panel per width (or `x`); of many values three."""
    table = frames["barrier_vs_width"]
    shown = table[(table["split"] == "test") & (table["metric"] == METRIC) & (table["n_pairs"] > 0)]
    methods, repairs = ordered_values(shown, "matching"), ordered_values(shown, "repair")
    if len([method for method in methods if method != "identity"]) < LEAST_METHODS and len(repairs) < LEAST_REPAIRS:
        return None
    x = "width" if x in ("matching", "repair") else x
    keys = fixed_keys(table, x, "matching", "repair")
    all_cells, all_values = cells(shown, keys), ordered(shown[x])
    rows, values = shown_cells(all_cells), few_of(all_values)
    runs = frames["runs"]
    pairs = cells(runs[(runs["split"] == "test") & (runs["status"] == "ok")], keys)
    size = max(2.4, 9.2 / len(values)) if len(values) > 1 else 5.6, 0.8 + len(methods) * max(0.2, 0.13 * len(repairs))
    figure, axes = panel_rows(len(rows), len(values), size, share_y=True)
    with figure_style():
        for row, (key, cell) in zip(axes, rows, strict=True):
            for ax, value in zip(row, values, strict=True):
                panel = cell[cell[x] == value]
                if panel.empty:
                    ax.set_axis_off()
                    continue
                mark_panel(ax, [*keys, x], [*key, value])
                plot_methods_and_repairs(panel, pairs[key][pairs[key][x] == value], methods, ax=ax)
                panel_title(ax, value_title(x, value))
            row_title(row[0], keys, key, value_title(x, values[0]) if row[0].axison else " ")
            label_first(row)
        cuts = left_out(len(rows), len(all_cells), "rows"), left_out(len(values), len(all_values), f"panels of {x}", ends=True)
        title = f"points: pairs; large: mean; bar: {kinds_of(table)}"
        legend_of_all(figure, axes.flat if len(repairs) > 1 else (), title, *cuts, methods=False)
    return figure


FIGURE = SweepFigure(
    "Methods and repairs",
    "The test loss barrier of every matching method, and under every repair of the networks on the path where there are several.",
    draw,
    order=5,
    more="On the same pairs, method_differences.csv and repair_differences.csv say which are told apart.",
)
