"""`depth_mnist`: how the width that a network needs grows with its depth, and why a matched barrier need not fall with width."""

import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.lines import plot_bars
from multirun_analysis.plots.style import STUDY_FONT, axis_label, barrier_axis, figure_style, legend_above, panel_title, series_look
from multirun_analysis.records.labels import method_order
from multirun_analysis.stats.summary import kinds_of, summarise
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.certificates import certificates
from multirun_analysis.tables.slopes import width_steps

TOLERANCE = 0.02  # of the test error barrier: what Frankle et al. 2020 call stable
BY = ["depth", "matching", "width"]
ASIDE = 0.14  # layers, from the line of one width to that of the next
MEASURES = {"error_barrier": axis_label("error_barrier", "test"), "output_scale": "output scale at the midpoint"}


def depths(frames: Frames) -> pd.DataFrame:
    """Return error barrier, loss barrier and output scale by depth, method and width."""
    test = measured(frames["runs"], split="test")
    tables = [summarise(test, BY, measure).assign(measure=measure) for measure in ("error_barrier", "loss_barrier", "output_scale")]
    return pd.concat(tables).sort_values(["measure", *BY], ignore_index=True)


def barrier_against_depth(frames: Frames) -> Figure:
    """Draw error barrier, and the size of the midpoint network's outputs, against depth, a panel per method, a line per width."""
    test = measured(frames["runs"], split="test")
    methods = sorted(test["matching"].unique(), key=method_order)
    with figure_style():
        figure = Figure(figsize=(2.9 * len(methods), 6.0), layout="constrained")
        axes = figure.subplots(2, len(methods), squeeze=False, sharey="row", sharex=True)
        for row, (measure, name) in zip(axes, MEASURES.items(), strict=True):
            for ax, method in zip(row, methods, strict=True):
                of_method = test[test["matching"] == method]
                for k, (width, cell) in enumerate(of_method.groupby("width")):
                    means, look = summarise(cell, ["depth"], measure), series_look(k)
                    shift = ASIDE * (k - (of_method["width"].nunique() - 1) / 2)
                    plot_bars(
                        means["depth"] + shift, means, ax=ax, label=f"width {width}", colour=look["color"], marker=look["marker"]
                    )  # fmt: skip
                ax.set_xticks(sorted(test["depth"].unique()))
            row[0].set_ylabel(name)
        errors = test.groupby(BY)["error_barrier"].mean().to_numpy()
        for ax in axes[0]:  # one scale, which they share
            barrier_axis(ax, errors, errors)
        axes[1][0].set_ylim(bottom=0)
        for ax, method in zip(axes[0], methods, strict=True):
            panel_title(ax, for_figure(method), STUDY_FONT)
            ax.axhline(TOLERANCE, color="black", linestyle=":", linewidth=1)
        for ax in axes[1]:
            ax.axhline(1.0, color="black", linewidth=0.8)
            ax.set_xlabel("depth [hidden layers]")
        axes[0][0].plot([], [], color="black", linestyle=":", label=f"error barrier {TOLERANCE:g}")
        legend_above(figure, axes[0][0], f"line: mean over pairs; bar: {kinds_of(frames['barrier_vs_width'])}")
    return figure


STUDY = Study(
    needs=("depth",),
    methods=("identity",),
    dataset="mnist",
    tables={
        "depths": depths,
        "width_steps": lambda frames: width_steps(frames["runs"]),
        "certificates": lambda frames: certificates(frames["runs"], BY),
    },
    figures={"barrier_against_depth": barrier_against_depth},
)
