"""`low_dimension`: claim 3 before training: weights near a subspace are matched at the subspace's rate, down to the floor of the noise."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from multirun_analysis.plots.lines import plot_line
from multirun_analysis.plots.style import STUDY_FONT, figure_style, legend_above, panel_title, series_look, width_axis
from multirun_analysis.stats.summary import kinds_of, summarise
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.slopes import slopes

DIMENSION, NOISE = "model.intrinsic_dimension", "model.noise"
INPUTS = 50  # of which the subspace takes k
FLOOR: dict[str, Any] = {"facecolor": "0.88", "edgecolor": "black", "linestyle": ":", "linewidth": 1.1, "zorder": 0.5}


def _layers(frames: Frames) -> pd.DataFrame:
    """Return what the matching of weights, which the study is about, says of measured layers."""
    return measured(frames["layers"], matching="weights")


def _matched(frames: Frames) -> pd.DataFrame:
    """Return the measured pairs on the test split, after that matching."""
    return measured(frames["runs"], split="test", matching="weights")


def noise_floor(dimension: ArrayLike, noise: ArrayLike) -> np.ndarray:
    r"""Return how far two neurons that agree on the subspace are apart outside it, in the mean square.

    .. math:: 2 \eta^2 (1 - k / d)

    for noise of size :math:`\eta^2 / d` in each of the d directions, of which d - k are not in the subspace: what a matching that knows
    the subspace alone leaves. One that knows the noise too may cost less.

    Parameters
    ----------
    dimension, noise : array_like
        k and η.

    References
    ----------
    Ours.
    """
    return 2 * np.asarray(noise, dtype=float) ** 2 * (1 - np.asarray(dimension, dtype=float) / INPUTS)


def costs(frames: Frames) -> pd.DataFrame:
    """Return the mean matching cost by subspace, noise and width, with the floor of the noise, and what noise adds to the cost."""
    by = [DIMENSION, NOISE, "width"]
    table = summarise(_layers(frames), by, "matching_cost").sort_values(by, ignore_index=True)
    table["noise_floor"] = noise_floor(table[DIMENSION], table[NOISE])
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
    """Draw matching cost against width, a panel per noise, a line per dimension, the range of their floors, and the output gap below."""
    gaps = summarise(_matched(frames), [DIMENSION, NOISE, "width"], "output_gap")
    tables = {"matching_cost": costs(frames), "output_gap": gaps}
    names = {"matching_cost": "matching cost [mean squared distance]", "output_gap": "output gap [logits]"}
    noises = sorted(tables["matching_cost"][NOISE].unique())
    dimensions = [tables["matching_cost"][DIMENSION].max(), tables["matching_cost"][DIMENSION].min()]
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
                        ax.axhspan(*noise_floor(dimensions, noise), **FLOOR)
            row[0].set_ylabel(names[measure])
        most, least = dimensions
        label = f"floor of the noise, 2η²(1 − k/{INPUTS}),\nfor k = {least:g} (above) to {most:g} (below)"
        axes[0][0].fill_between([], [], **FLOOR, label=label)
        title = f"untrained networks, {INPUTS} inputs; line: mean over pairs; band: {kinds_of(pd.concat(tables.values()))}"
        legend_above(figure, axes[0][0], title, columns=3)
    return figure


STUDY = Study(
    needs=(DIMENSION, NOISE, "width"),
    among={"dataset.ambient_dimension": (INPUTS,)},
    methods=("weights",),
    tables={"costs": costs, "cost_slopes": cost_slopes},
    figures={"cost_against_width": cost_against_width},
)
