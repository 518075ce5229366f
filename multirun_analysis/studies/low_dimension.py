"""`low_dimension`: claim 3 before training: weights near a subspace are matched at the subspace's rate, down to the floor of the noise."""

import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis.plots.lines import plot_line
from multirun_analysis.plots.style import STUDY_FONT, figure_style, legend_above, panel_title, series_look, width_axis
from multirun_analysis.stats.summary import kinds_of, summarise
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.slopes import slopes

DIMENSION, NOISE = "model.intrinsic_dimension", "model.noise"


def _layers(frames: Frames) -> pd.DataFrame:
    """Return what the matching of weights, which the study is about, says of measured layers."""
    return measured(frames["layers"], matching="weights")


def _matched(frames: Frames) -> pd.DataFrame:
    """Return the measured pairs on the test split, after that matching."""
    return measured(frames["runs"], split="test", matching="weights")


def costs(frames: Frames) -> pd.DataFrame:
    """Return the mean matching cost by subspace, noise and width, with the floor of the noise, and what noise adds to the cost."""
    by = [DIMENSION, NOISE, "width"]
    table = summarise(_layers(frames), by, "matching_cost").sort_values(by, ignore_index=True)
    table["noise_floor"] = 2 * table[NOISE].astype(float) ** 2
    noiseless = table[table[NOISE].astype(float) == 0].set_index([DIMENSION, "width"])["mean"].rename("noiseless")
    table = table.join(noiseless, on=[DIMENSION, "width"])
    table["excess"] = table["mean"] - table.pop("noiseless")
    return table


def cost_slopes(frames: Frames) -> pd.DataFrame:
    """Return the slope of log matching cost, and of output gap and barrier, against log width, beside -2 / k."""
    matched = _matched(frames)
    by = (DIMENSION, NOISE)
    tables = [slopes(_layers(frames), ("matching_cost",), by), slopes(matched, ("output_gap", "loss_barrier"), by)]
    table = pd.concat(tables, ignore_index=True)
    without_floor = (table["metric"] == "matching_cost") & (table[NOISE].astype(float) == 0)
    table["theory"] = (-2 / table[DIMENSION].astype(float).clip(lower=2)).where(without_floor)
    return table.sort_values(["metric", *by], ignore_index=True)


def cost_against_width(frames: Frames) -> Figure:
    """Draw matching cost against width, a panel per noise, a line per dimension of the subspace, and the output gap below."""
    gaps = summarise(_matched(frames), [DIMENSION, NOISE, "width"], "output_gap")
    tables = {"matching_cost": costs(frames), "output_gap": gaps}
    names = {"matching_cost": "matching cost [mean squared distance]", "output_gap": "output gap [logits]"}
    noises = sorted(tables["matching_cost"][NOISE].unique())
    with figure_style():
        figure = Figure(figsize=(3.4 * len(noises), 6.2), layout="constrained")
        axes = figure.subplots(2, len(noises), squeeze=False, sharey="row")
        for row, (measure, table) in zip(axes, tables.items(), strict=True):
            for ax, noise in zip(row, noises, strict=True):
                for k, (dimension, cell) in enumerate(table[table[NOISE] == noise].groupby(DIMENSION)):
                    plot_line(cell, "width", ax=ax, **series_look(k), label=f"subspace of {dimension} dimensions")
                ax.set_yscale("log")
                width_axis(ax, sorted(table["width"].unique()))
                ax.set_xlabel("width [neurons]")
                if measure == "matching_cost":
                    panel_title(ax, f"noise η = {noise:g}", STUDY_FONT)
                    if noise > 0:
                        ax.axhline(2 * float(noise) ** 2, color="black", linestyle=":", linewidth=1.1)
            row[0].set_ylabel(names[measure])
        axes[0][0].plot([], [], color="black", linestyle=":", label="floor of the noise, 2η²")
        title = f"untrained networks, 50 inputs; line: mean over pairs; band: {kinds_of(frames['barrier_vs_width'])}"
        legend_above(figure, axes[0][0], title, columns=3)
    return figure


STUDY = Study(
    needs=(DIMENSION, NOISE, "width"),
    methods=("weights",),
    tables={"costs": costs, "cost_slopes": cost_slopes},
    figures={"cost_against_width": cost_against_width},
)
