"""`depth_repair`: does averaging shrink activations, and is that why the barrier grows with depth? Barriers with and without repair."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.special import stdtrit

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import method_order
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
from multirun_analysis.stats.intervals import LEVEL
from multirun_analysis.stats.summary import kinds_of, summarise
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured

BY = ["width", "depth", "matching", "repair"]
MEASURES = ("loss_barrier", "error_barrier", "loss_barrier_calibrated", "error_midpoint", "output_scale", "temperature_midpoint")
SHOWN = ("loss_barrier", "error_barrier")
ASIDE = 0.18  # layers, from the line of one repair to that of the next
CHANGES = ("from_depth", "to_depth", "growth", "growth_low", "growth_high", "n_pairs")


def depths(frames: Frames) -> pd.DataFrame:
    """Return the statistics of the measures over pairs, by width, depth, method and repair, on the test split."""
    test = measured(frames["runs"], split="test")
    tables = [summarise(test[test[measure].notna()], BY, measure).assign(measure=measure) for measure in MEASURES if measure in test]
    return pd.concat(tables).sort_values(["measure", *BY], ignore_index=True)


def growth(frames: Frames) -> pd.DataFrame:
    r"""Return how much the mean test barrier grows from the least depth to each other one, with Welch's interval.

    .. math:: \bar x_d - \bar x_1 \pm t_\nu \sqrt{s_d^2 / n_d + s_1^2 / n_1}

    Pairs of two depths share no network, so that they are two independent samples; :math:`\nu` is Welch and Satterthwaite's.
    """
    test = measured(frames["runs"], split="test")
    rows = []
    for metric in SHOWN:
        for (width, method, repair), cell in test.groupby(["width", "matching", "repair"]):
            first, *others = sorted(cell["depth"].unique().tolist())
            values = {depth: cell.loc[cell["depth"] == depth, metric].dropna().to_numpy() for depth in (first, *others)}
            for depth in others:
                low, high = welch(values[depth], values[first])
                change = values[depth].mean() - values[first].mean()
                counts = min(len(values[depth]), len(values[first]))
                names = {"metric": metric, "width": width, "matching": method, "repair": repair}
                rows.append(names | dict(zip(CHANGES, (first, depth, change, low, high, counts), strict=True)))
    return pd.DataFrame(rows, columns=["metric", "width", "matching", "repair", *CHANGES])


def welch(one: np.ndarray, other: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Return Welch's interval for the difference of the means of two independent samples; NaN where one has fewer than two values."""
    if min(len(one), len(other)) < 2:
        return math.nan, math.nan
    parts = [values.var(ddof=1) / len(values) for values in (one, other)]
    difference, variance = one.mean() - other.mean(), sum(parts)
    if variance == 0:
        return difference, difference
    freedom = variance**2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (one, other), strict=True))
    half = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance)
    return difference - half, difference + half


def removed(frames: Frames) -> pd.DataFrame:
    r"""Return the share of a pair's test barrier that a repair removes, over pairs, by width, depth and method.

    .. math:: 1 - \frac{\text{barrier}_\text{repair}}{\text{barrier}_\text{none}}

    Negative where the repair makes the barrier higher; pairs without a barrier have no share.
    """
    test = measured(frames["runs"], split="test")
    keys = ["width", "depth", "matching", "network_a", "network_b"]
    plain = test[test["repair"] == "none"].set_index(keys)
    tables = []
    for metric in SHOWN:
        repaired = test[test["repair"] != "none"].join(plain[metric].rename("without"), on=keys)
        repaired = repaired[repaired["without"] > 0]
        share = repaired.assign(share=1 - repaired[metric] / repaired["without"])
        tables.append(summarise(share, BY, "share").assign(metric=metric))
    return pd.concat(tables).sort_values(["metric", *BY], ignore_index=True)


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
