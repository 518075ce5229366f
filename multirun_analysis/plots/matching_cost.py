"""How well neurons match: the matching cost of every layer against width, with the bound that no independent weights can beat."""

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import value_text
from multirun_analysis.plots.base import Frames, SweepFigure
from multirun_analysis.plots.lines import plot_line
from multirun_analysis.plots.marks import Tip, estimate_text, mark, mark_panel
from multirun_analysis.plots.panels import legend_of_all, panel_rows, row_title
from multirun_analysis.plots.style import figure_style, method_look, panel_title, plain_log_axis, width_axis
from multirun_analysis.records.labels import method_order
from multirun_analysis.stats.summary import kinds_of
from multirun_analysis.tables.cells import cells, fixed_keys, left_out, shown_cells

COST, UNMATCHED, BOUND = "matching_cost", "identity_cost", "cost_lower_bound"
LINES = ((":", UNMATCHED, "unmatched"), ("--", BOUND, "lower bound"))
MOST_ROWS, MOST_LAYERS = 6, 6


def plot_matching_cost(costs: pd.DataFrame, *, runs: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Draw cost, unmatched cost (dotted) and lower bound (dashed) against width, by method.

    Parameters
    ----------
    costs : DataFrame
        As `matching_costs` returns it, of one cell and layer.
    runs : DataFrame, optional
        Rows of ``runs.csv`` of the same cell, for the seeds that the page names.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(3.6, 3.0))[1]
    methods = sorted(costs["matching"].unique(), key=method_order)
    for method in methods:
        colour, marker = method_look(method, methods)
        for measure, look in (
            (COST, {"marker": marker, "label": for_figure(method)}),
            *((measure, {"linestyle": line}) for line, measure, _ in LINES),
        ):
            rows = costs[(costs["matching"] == method) & (costs["measure"] == measure) & (costs["mean"] > 0)]
            if len(rows):
                line = plot_line(rows, "width", ax=ax, band=measure == COST, color=colour, **look)
                mark(line, _tips(rows.sort_values("width"), measure, runs), matching=method)
    plain_log_axis(ax, "y")
    width_axis(ax, sorted(costs["width"].unique()))
    return ax


def _tips(rows: pd.DataFrame, measure: str, runs: pd.DataFrame | None) -> list[Tip]:
    """Return what the page says of a line: of every marker, or of all widths at once where it has none."""
    tips: list[Tip] = []
    for row in rows.to_dict("records"):
        pairs = None if runs is None else runs[(runs["matching"] == row["matching"]) & (runs["width"] == row["width"])]
        tips.append(({"width": value_text(row["width"])}, estimate_text(row, measure.replace("_", " "), pairs)))
    return tips if measure == COST else [({}, "\n".join(f"width {values['width']}: {text}" for values, text in tips))]


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return the matching cost against width, a row per cell, a panel per layer; only for sweeps over width, whatever `x` is."""
    costs = frames["matching_costs"]
    if costs["width"].nunique() < 2:
        return None
    keys = fixed_keys(frames["barrier_vs_width"], "width", "matching", "repair")
    all_cells, all_layers = cells(costs, keys), sorted(costs["layer"].unique())
    rows, layers = shown_cells(all_cells, MOST_ROWS), all_layers[:MOST_LAYERS]
    pairs = cells(frames["runs"], keys)
    figure, axes = panel_rows(len(rows), len(layers), (max(2.6, 9.2 / len(layers)) if len(layers) > 1 else 5.6, 3.0))
    with figure_style():
        for row, (key, cell) in zip(axes, rows, strict=True):
            for ax, layer in zip(row, layers, strict=True):
                panel = cell[cell["layer"] == layer]
                if panel.empty:
                    ax.set_axis_off()
                    continue
                mark_panel(ax, keys, key)
                plot_matching_cost(panel, runs=pairs.get(key), ax=ax)
                panel_title(ax, f"layer {layer}")
            row_title(row[0], keys, key, f"layer {layers[0]}")
            row[0].set_ylabel("matching cost, in the\nmethod's own metric")
        measures = {measure for _, cell in rows for measure in cell.loc[cell["mean"] > 0, "measure"]}
        for line, label in [(line, label) for line, measure, label in LINES if measure in measures]:
            axes[0][0].plot([], [], color="black", linestyle=line, label=label)
        across = 6 if len(layers) > 1 else 3
        cuts = left_out(len(rows), len(all_cells), "rows"), left_out(len(layers), len(all_layers), "layers")
        legend_of_all(figure, axes.flat, f"line: mean over pairs; band: {kinds_of(costs)}", *cuts, methods=True, columns=across)
    return figure


FIGURE = SweepFigure(
    "Matching cost by layer",
    "The mean squared distance between matched neurons. In theory it falls as a power of width, whose exponent depends on the dimension of "
    "the weights' distribution; for independent Gaussian neurons of the measured covariance, its expectation is not below the dashed line.",
    draw,
    order=30,
)
