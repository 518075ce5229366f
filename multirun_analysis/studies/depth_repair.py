"""`depth_repair`: does averaging shrink activations, and is that why the barrier grows with depth? Barriers with and without repair."""

import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.lines import plot_bars, plot_pairs
from multirun_analysis.plots.style import (
    STUDY_FONT,
    axis_label,
    barrier_axis,
    drawable,
    figure_style,
    legend_above,
    panel_title,
    repair_look,
)
from multirun_analysis.records.labels import method_order
from multirun_analysis.stats.summary import kinds_of, summarise
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.growth import growth as growth_of
from multirun_analysis.tables.removed_share import removed_share

BY = ["width", "depth", "matching", "repair"]
MEASURES = ("loss_barrier", "error_barrier", "loss_barrier_calibrated", "error_midpoint", "output_scale", "temperature_midpoint")
SHOWN = ("loss_barrier", "error_barrier")
ASIDE = 0.18  # layers, from the line of one repair to that of the next


def depths(frames: Frames) -> pd.DataFrame:
    """Return the statistics of the measures over pairs, by width, depth, method and repair, on the test split."""
    test = measured(frames["runs"], split="test")
    tables = [summarise(test[test[measure].notna()], BY, measure).assign(measure=measure) for measure in MEASURES if measure in test]
    return pd.concat(tables).sort_values(["measure", *BY], ignore_index=True)


def growth(frames: Frames) -> pd.DataFrame:
    """Return how much the mean test barrier grows from the least depth to each other one, by width, method and repair."""
    return growth_of(measured(frames["runs"], split="test"), "depth", ["width", "matching", "repair"], SHOWN)


def removed(frames: Frames) -> pd.DataFrame:
    """Return the share of a pair's test barrier that a repair removes, over pairs, by width, depth, method and repair."""
    return removed_share(measured(frames["runs"], split="test"), BY, SHOWN)


def barrier_against_depth(frames: Frames) -> Figure:
    """Draw the test loss barrier against depth: a row per width, a panel per method, a line per repair."""
    test = measured(frames["runs"], split="test")
    methods = sorted(test["matching"].unique(), key=method_order)
    widths, repairs = sorted(test["width"].unique()), sorted(test["repair"].unique())
    with figure_style():
        figure = Figure(figsize=(2.9 * len(methods), 2.9 * len(widths) + 0.6), layout="constrained")
        axes = figure.subplots(len(widths), len(methods), squeeze=False, sharey=True, sharex=True)
        for row, width in zip(axes, widths, strict=True):
            for ax, method in zip(row, methods, strict=True):
                cell = test[(test["width"] == width) & (test["matching"] == method)]
                for k, repair in enumerate(repairs):
                    colour, marker = repair_look(repair, repairs)
                    part, shift = cell[cell["repair"] == repair], ASIDE * (k - (len(repairs) - 1) / 2)
                    plot_pairs(part["depth"] + shift, part["loss_barrier"], ax=ax, colour=colour, marker=marker)
                    means = summarise(part, ["depth"], "loss_barrier")
                    plot_bars(means["depth"] + shift, means, ax=ax, label=f"repair: {for_figure(repair)}", colour=colour, marker=marker)
                panel_title(ax, f"{for_figure(method)}, width {width}", STUDY_FONT)
                ax.set_xticks(sorted(test["depth"].unique()))
            row[0].set_ylabel(axis_label("loss_barrier", "test"))
        for ax in axes[-1]:
            ax.set_xlabel("depth [hidden layers]")
        of_all = summarise(test, BY, "loss_barrier")["mean"]
        for ax in axes.flat:  # one scale, which they share
            barrier_axis(ax, drawable(of_all), drawable(test["loss_barrier"]))
        legend_above(figure, axes[0][0], f"points: pairs; line: mean over pairs; bar: {kinds_of(frames['barrier_vs_width'])}")
    return figure


STUDY = Study(
    needs=("depth",),
    methods=("identity", "weights", "activations"),
    dataset="mnist",
    repairs=True,
    tables={"depths": depths, "growth": growth, "removed": removed},
    figures={"barrier_against_depth": barrier_against_depth},
)
