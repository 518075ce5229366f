"""Barrier against width: points for pairs, a line for the mean, a band for its interval, one colour per method."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from multirun_analysis.plots.style import axis_label, method_look, width_axis
from multirun_analysis.tidy import method_order


def plot_barrier_vs_width(
    table: pd.DataFrame, runs: pd.DataFrame, *, metric: str = "loss_barrier", split: str = "test", ax: Axes | None = None
) -> Axes:
    """Draw a metric against width for one cell of the other keys.

    The vertical axis is logarithmic down to the decade of the smallest mean and linear from there to 0, so that zeros are seen.

    Parameters
    ----------
    table : DataFrame
        Rows of ``barrier_vs_width.csv``: one dataset, model, depth and set of varying keys.
    runs : DataFrame
        Rows of ``runs.csv`` of the same cell: its pairs.
    metric : str
        A measure of both frames, ``loss_barrier`` or another.
    split : str
        ``train`` or ``test``.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(5.2, 3.6))[1]
    estimates = table[(table["metric"] == metric) & (table["split"] == split) & (table["n_pairs"] > 0)]
    pairs = runs[(runs["split"] == split) & (runs["status"] == "ok")]
    methods = sorted(estimates["matching"].unique(), key=method_order)
    widths = sorted(estimates["width"].unique())
    for k, method in enumerate(methods):
        colour, marker = method_look(method, methods)
        line = estimates[estimates["matching"] == method].sort_values("width")
        points = pairs[pairs["matching"] == method]
        shift = 2 ** (0.05 * (k - (len(methods) - 1) / 2))  # side by side, so that equal values stay visible
        ax.plot(points["width"] * shift, points[metric], marker, color=colour, markersize=2.5, alpha=0.45, linestyle="none")
        ax.plot(line["width"], line["mean"], marker=marker, color=colour, markersize=4.5, linewidth=1.4, label=method)
        ax.fill_between(
            line["width"].to_numpy(), line["ci_low"].to_numpy(), line["ci_high"].to_numpy(), color=colour, alpha=0.12, linewidth=0
        )
    values = np.concatenate([estimates["mean"].to_numpy(), pairs[metric].to_numpy()])
    means = estimates.loc[estimates["mean"] > 0, "mean"]
    if len(means):
        ax.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(means.min())), linscale=0.5)
    lowest = float(values.min()) if len(values) else 0.0
    ax.set_ylim(bottom=min(0.0, lowest))
    ax.axhline(0.0, color="black", linewidth=0.8)
    width_axis(ax, widths)
    ax.set_ylabel(axis_label(metric, split))
    return ax
