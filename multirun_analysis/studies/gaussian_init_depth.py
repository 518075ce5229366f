"""`gaussian_init_depth`: claim 2 with depth: the output gap of untrained networks against width, beside the recursion of theorem 5.2."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.lines import plot_bars
from multirun_analysis.plots.style import GREY, STUDY_FONT, aside, figure_style, legend_above, panel_title, series_look, width_axis
from multirun_analysis.records.labels import method_order
from multirun_analysis.schema import PAIR
from multirun_analysis.stats.summary import kinds_of, summarise
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.certificates import certificates

BY = ["depth", "matching", "width"]


def relative_gaps(frames: Frames) -> pd.DataFrame:
    """Return, by depth, method and width, the output gap in units of the unmatched one, the barrier, and what the recursion promises.

    The recursion's tolerance is that of the last hidden layer, of which most is asked; its constant is 1, which the theorem leaves open.
    """
    runs = _relative(frames)
    table = summarise(runs, BY, "relative_gap").sort_values(BY, ignore_index=True)
    layers = measured(frames["layers"])
    last = layers[layers["layer"] == layers["depth"]]
    promised = last.groupby(["depth", "width"])["recursion_tolerance"].first().reset_index()
    others = runs.groupby(BY)[["output_gap", "output_scale", "loss_barrier"]].mean().add_suffix("_mean")
    zeros = runs.groupby(BY)["loss_barrier"].agg(lambda barrier: int((barrier == 0).sum())).rename("loss_barrier_zeros")
    return table.merge(others.join(zeros).reset_index(), on=BY).merge(promised, on=["depth", "width"], how="left")


def _relative(frames: Frames) -> pd.DataFrame:
    """Return the matched pairs on the test split with their output gap divided by that of the same pair unmatched."""
    test = measured(frames["runs"], split="test")
    pair = ["run_id", *PAIR]
    control = test[test["matching"] == "identity"].set_index(pair)["output_gap"].rename("unmatched")
    joined = test[test["matching"] != "identity"].join(control, on=pair)
    return joined.assign(relative_gap=joined["output_gap"] / joined["unmatched"])


def gap_against_width(frames: Frames) -> Figure:
    """Draw the relative output gap against width, a panel per method, a line per depth, the recursion's tolerance beside it."""
    table = relative_gaps(frames)
    methods = sorted(table["matching"].unique(), key=method_order)
    with figure_style():
        figure = Figure(figsize=(3.6 * len(methods), 4.1), layout="constrained")
        axes = np.atleast_1d(figure.subplots(1, len(methods), sharey=True))
        for ax, method in zip(axes, methods, strict=True):
            width_axis(ax, sorted(table["width"].unique()))
            depths = dict(iter(table[table["matching"] == method].groupby("depth")))
            for k, (depth, cell) in enumerate(depths.items()):
                look, beside = series_look(k), aside(ax, cell["width"].tolist(), k, len(depths))
                plot_bars(beside, cell, ax=ax, label=f"depth {depth}", colour=look["color"], marker=look["marker"])
                ax.plot(cell["width"], cell["recursion_tolerance"], color=look["color"], linestyle=":", linewidth=1.1)
            ax.plot([], [], color="black", linestyle=":", label="theorem 5.2, constant 1")
            ax.axhline(1.0, color=GREY, linewidth=0.8)
            panel_title(ax, for_figure(method), STUDY_FONT)
            ax.set_ylim(bottom=0)
        axes[0].set_ylabel("output gap / that without matching")
        title = f"untrained networks; line: mean over pairs; bar: {kinds_of(table)}"
        legend_above(figure, axes[0], title)
    return figure


STUDY = Study(
    needs=("depth", "width"),
    methods=("identity", "weights"),
    tables={"relative_gaps": relative_gaps, "certificates": lambda frames: certificates(frames["runs"], BY)},
    figures={"gap_against_width": gap_against_width},
)
