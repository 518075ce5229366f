"""`gaussian_init`: claim 2 at one hidden layer: the matching cost of independent weights falls with width as their dimension dictates."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.plots.lines import plot_line
from multirun_analysis.plots.style import COLOURS, FONT, STUDY_FONT, figure_style, panel_title, series_look, width_axis
from multirun_analysis.stats.summary import kinds_of, summarise
from multirun_analysis.stats.thresholds import at_most
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.slopes import POOLED, slopes

DIMENSION, LAW = "dataset.ambient_dimension", "model.initialisation"
# Where the slope of 8 pairs per width, 64 to 1,024 neurons, is to be found: from 80 repetitions of Gaussian samples, fixed beforehand.
BANDS = {1: (-1.35, -0.60), 2: (-0.92, -0.64), 3: (-0.66, -0.51), 5: (-0.44, -0.35), 10: (-0.25, -0.20), 20: (-0.15, -0.11)}
# Shannon's bound is e^{2h} / (2 pi e) times the variance's, h the entropy of a weight: 1 for Gaussian ones, 6 / (pi e) for uniform ones.
ENTROPY_POWER = {"gaussian": 1.0, "uniform": 6 / (math.pi * math.e)}


def _layers(frames: Frames) -> pd.DataFrame:
    """Return what the matching of weights, which the study is about, says of measured layers, the bound that of each law."""
    layers = measured(frames["layers"], matching="weights")
    power = layers[LAW].map(ENTROPY_POWER).astype(float)
    return layers.assign(cost_lower_bound=layers["cost_lower_bound"] * power)


def cost_slopes(frames: Frames) -> pd.DataFrame:
    """Return the slope of log matching cost against log width by law and dimension, beside -2 / d and the band of Gaussian weights."""
    layers = _layers(frames)
    table = slopes(layers, ("matching_cost",), (LAW, DIMENSION))
    widest = layers[layers["width"] == layers.groupby([LAW, DIMENSION])["width"].transform("max")]
    expected = widest.groupby([LAW, DIMENSION])["expected_slope"].mean().rename("expected_slope").reset_index()
    table = table.merge(expected, on=[LAW, DIMENSION], how="left")
    bands = [
        BANDS.get(int(d), (math.nan, math.nan)) if law == "gaussian" else (math.nan, math.nan)
        for law, d in zip(table[LAW], table[DIMENSION], strict=True)
    ]
    table["band_low"], table["band_high"] = np.array(bands).reshape(-1, 2).T
    inside = pd.Series(at_most(table["band_low"], table["slope"]) & at_most(table["slope"], table["band_high"]), index=table.index)
    table["inside"] = inside.astype(object).where(table["band_low"].notna(), "no band")
    return table.sort_values([LAW, DIMENSION], ignore_index=True)


def costs(frames: Frames) -> pd.DataFrame:
    """Return the mean matching cost of every cell beside the mean of its lower bound, and whether it is above."""
    layers = _layers(frames)
    by = [LAW, DIMENSION, "width"]
    table = summarise(layers, by, "matching_cost").merge(layers.groupby(by)["cost_lower_bound"].mean().reset_index(), on=by)
    table["ratio"] = table["mean"] / table["cost_lower_bound"]
    above = pd.Series(at_most(table["cost_lower_bound"], table["mean"]), index=table.index)
    table["above_bound"] = above.astype(object).where(table["cost_lower_bound"].notna(), "no bound")
    return table.sort_values(by, ignore_index=True)


def cost_against_width(frames: Frames) -> Figure:
    """Draw matching cost against width for Gaussian weights with its bound, and the slopes of both laws beside theory."""
    table = costs(frames)
    with figure_style():
        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        gaussian = table[table[LAW] == "gaussian"]
        for k, (dimension, cell) in enumerate(gaussian.groupby(DIMENSION)):
            look = series_look(k)
            plot_line(cell, "width", ax=left, **look, label=f"dimension {dimension}")
            left.plot(cell["width"], cell["cost_lower_bound"], color=look["color"], linestyle=":", linewidth=1.2)
        left.plot([], [], color="black", linestyle=":", label="lower bound (ours)")
        left.set_yscale("log")
        left.set_ylabel("matching cost [mean squared distance]")
        panel_title(left, "Gaussian weights: how near is the matched neuron?", STUDY_FONT)
        width_axis(left, sorted(table["width"].unique()))
        left.set_xlabel("width [neurons]")
        left.legend(fontsize=7.5, ncols=2, loc="center right", bbox_to_anchor=(1.0, 0.385))  # between the bounds of 1 and 2 dimensions
        _slopes(cost_slopes(frames), right)
        kinds = kinds_of(table)
        figure.suptitle(
            f"untrained networks; left: line: mean over pairs, band: {kinds}; right: bars: {POOLED}",
            fontsize=FONT,
        )
    return figure


def _slopes(table: pd.DataFrame, ax: Axes) -> None:
    dimensions = np.array(sorted(table[DIMENSION].unique()), dtype=float)
    for shift, (law, colour, marker) in ((0.96, ("gaussian", COLOURS[0], "o")), (1.04, ("uniform", COLOURS[1], "s"))):
        cell = table[table[LAW] == law]
        spread = np.abs(cell[["ci_low", "ci_high"]].to_numpy().T - cell["slope"].to_numpy())
        ax.errorbar(
            cell[DIMENSION].astype(float) * shift,
            cell["slope"],
            spread,
            fmt=marker,
            color=colour,
            markersize=4,
            capsize=2,
            label=f"{law} weights",
        )
    banded = table[table["band_low"].notna()]
    for row in banded.to_dict("records"):
        ax.fill_between(
            [row[DIMENSION] * 0.88, row[DIMENSION] * 1.13], row["band_low"], row["band_high"], color=COLOURS[0], alpha=0.12, linewidth=0
        )
    ax.fill_between([], [], [], color=COLOURS[0], alpha=0.12, label="expected of Gaussian samples")
    grid = np.geomspace(dimensions.min(), dimensions.max(), 200)
    ax.plot(grid, -2 / np.maximum(grid, 2), color="black", linestyle="--", linewidth=1, label="theory: -2 / max(d, 2), no logarithms")
    ax.set_xscale("log")
    ax.set_xticks(dimensions, [f"{d:g}" for d in dimensions])
    ax.minorticks_off()
    ax.set_xlabel("dimension d of a neuron's weights")
    ax.set_ylabel("slope of log cost against log width")
    panel_title(ax, "How fast does it come nearer?", STUDY_FONT)
    ax.legend(fontsize=8)


STUDY = Study(
    needs=(DIMENSION, LAW, "width"),
    may=("dataset.intrinsic_dimension",),
    methods=("weights",),
    among={LAW: tuple(ENTROPY_POWER)},
    tables={"costs": costs, "cost_slopes": cost_slopes},
    figures={"cost_against_width": cost_against_width},
)
