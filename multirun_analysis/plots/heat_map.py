"""The mean barrier over two swept keys, as a heat map per method."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import ordered, value_text
from multirun_analysis.plots.base import Frames, SweepFigure
from multirun_analysis.plots.marks import Tip, estimate_text, mark, mark_panel, values_of
from multirun_analysis.plots.panels import panel_rows, row_title
from multirun_analysis.plots.style import FONT, LONGEST, axis_label, figure_style, panel_title
from multirun_analysis.records.labels import method_order
from multirun_analysis.tables.cells import cells, fixed_keys, left_out, shown_cells

COLOURS = "cividis_r"  # darker is higher
INK, DARK = ".15", "#1a1a1a"  # of numbers on bright cells: seaborn's, and as good as that
METRIC, MOST_ROWS, MOST_NUMBERS = "loss_barrier", 6, 60  # in a panel with more values than that, their numbers would not be read


def plot_heat_map(
    table: pd.DataFrame, *, x: str, y: str, norm: LogNorm | None = None, runs: pd.DataFrame | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the mean of a metric over two keys; darker is higher, on a log scale; white is a mean of 0, which is written there, or no value.

    Parameters
    ----------
    table : DataFrame
        Rows of ``barrier_vs_width.csv`` of one cell, method, split and metric.
    x, y : str
        Two keys of the table.
    norm : LogNorm, optional
        To share a scale between panels.
    runs : DataFrame, optional
        Rows of ``runs.csv`` of the same cell and method, for the seeds that the page names.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(4.6, 3.2))[1]
    grid = table.pivot_table(index=y, columns=x, values="mean", dropna=False, sort=False).astype(float)
    grid = grid.reindex(index=ordered(table[y])[::-1], columns=ordered(table[x]))
    grid = grid.rename(index=_tick, columns=_tick).rename_axis(index=for_figure(y, LONGEST), columns=for_figure(x, LONGEST))
    numbers = grid.size <= MOST_NUMBERS
    # The limits too: seaborn looks for them among the values that are shown, and warns where all are 0.
    scale = {} if norm is None else {"norm": norm, "vmin": norm.vmin, "vmax": norm.vmax}
    look = {"cmap": COLOURS, "cbar": False, "annot": numbers, "fmt": ".2g", "annot_kws": {"size": 7}}
    sns.heatmap(grid, mask=~(grid > 0), ax=ax, **scale, **look)
    for row, column in zip(*np.nonzero((grid == 0).to_numpy()), strict=True) if numbers else ():
        ax.text(column + 0.5, row + 0.5, "0", ha="center", va="center", fontsize=7)
    for number in ax.texts:  # seaborn writes on dark cells in white, on bright ones in its ink, which the page makes bright in the dark
        if number.get_color() == INK:
            number.set_color(DARK)
    _mark(ax, table, x, y, runs)
    ax.tick_params(labelsize=7, rotation=0)
    ax.grid(False)
    return ax


def _mark(ax: Axes, table: pd.DataFrame, x: str, y: str, runs: pd.DataFrame | None) -> None:
    """Let the page say of every cell what it is, in the order in which they are drawn."""
    rows = {(row[y], row[x]): row for row in table.to_dict("records")}
    pairs = {} if runs is None else cells(runs, [y, x])
    tips: list[Tip] = []
    for at_y, at_x in product(ordered(table[y])[::-1], ordered(table[x])):
        row, values = rows.get((at_y, at_x)), values_of([y, x], [at_y, at_x])
        tips.append((values, "" if row is None else estimate_text(row, axis_label(METRIC, "test"), pairs.get((at_y, at_x)))))
    mark(ax.collections[0], tips, split="test")


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return the test loss barrier over `x` and the other key that varies most, a row per cell of the rest, a panel per method."""
    table = frames["barrier_vs_width"]
    shown = table[(table["split"] == "test") & (table["metric"] == METRIC) & (table["n_pairs"] > 0)]
    y = _second_key(shown, x)
    if y is None or not (shown["mean"] > 0).any():
        return None
    keys = fixed_keys(table, x, y, "matching")
    in_both = {key: cell for key, cell in cells(shown, keys).items() if min(cell[x].nunique(), cell[y].nunique()) > 1}
    rows = shown_cells(in_both, MOST_ROWS)
    if not rows:
        return None  # the two vary, but never both within one setting of the other keys
    methods, runs = sorted(shown["matching"].unique(), key=method_order), cells(frames["runs"], keys) if "runs" in frames else {}
    positive = shown.loc[shown["mean"] > 0, "mean"]
    norm = LogNorm(float(positive.min()), float(np.nextafter(positive.max(), np.inf)))
    figure, axes = panel_rows(len(rows), len(methods), (2.9, 2.6))
    with figure_style():
        for row, (key, cell) in zip(axes, rows, strict=True):
            for ax, method in zip(row, methods, strict=True):
                panel = cell[cell["matching"] == method]
                if panel.empty:
                    ax.set_axis_off()
                    continue
                mark_panel(ax, [*keys, "matching"], [*key, method])
                pairs = runs.get(key)
                plot_heat_map(panel, x=x, y=y, norm=norm, runs=pairs if pairs is None else pairs[pairs["matching"] == method], ax=ax)
                panel_title(ax, for_figure(method, LONGEST))
            row_title(row[0], keys, key, for_figure(methods[0], LONGEST))
        scale = plt.cm.ScalarMappable(norm=norm, cmap=COLOURS)
        figure.colorbar(scale, ax=axes, label=axis_label(METRIC, "test"), shrink=0.8)
        if cut := left_out(len(rows), len(in_both), "rows"):
            figure.suptitle(cut, fontsize=FONT)
    return figure


def _tick(value: Any) -> str:
    return for_figure(value_text(value), LONGEST // 2)


def _second_key(shown: pd.DataFrame, x: str) -> str | None:
    """Return the key with the most values beside `x`, or None where `x` or every other key is constant."""
    counts: dict[str, Any] = {key: shown[key].astype(str).nunique() for key in fixed_keys(shown, x, "matching", "repair")}
    best = max(counts, key=counts.__getitem__, default=None)
    return best if best is not None and counts[best] > 1 and shown[x].astype(str).nunique() > 1 else None


FIGURE = SweepFigure(
    "Heat map over two keys",
    "The mean test loss barrier where two keys were swept. Darker is higher, on a log scale; white is a mean of exactly 0, or no value.",
    draw,
    order=50,
)
