"""Barrier against width: points for pairs, a line for the mean, a band for its interval, one colour per method."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from multirun_analysis.plots.style import axis_label, key_axis, method_look
from multirun_analysis.tidy import method_order, ordered


def plot_barrier_vs_width(
    table: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    metric: str = "loss_barrier",
    split: str = "test",
    x: str = "width",
    hue: str = "matching",
    ax: Axes | None = None,
) -> Axes:
    """Draw a metric against width, or another key, for one cell of the other keys.

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
    x, hue : str
        The keys that stand for width and method.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(5.2, 3.6))[1]
    estimates = table[(table["metric"] == metric) & (table["split"] == split) & (table["n_pairs"] > 0)]
    pairs = runs[(runs["split"] == split) & (runs["status"] == "ok")]
    kinds = ordered(estimates[hue])
    if hue == "matching":
        kinds.sort(key=method_order)
    values_x = ordered(estimates[x])
    place = dict(zip(values_x, key_axis(ax, x, values_x), strict=True))
    names = [str(kind) for kind in kinds]
    for k, kind in enumerate(kinds):
        colour, marker = method_look(str(kind), names)
        line = estimates[estimates[hue] == kind].assign(place=estimates[x].map(place)).sort_values("place")
        points = pairs[pairs[hue] == kind]
        aside = k - (len(kinds) - 1) / 2  # side by side, so that equal values stay visible
        where = points[x].map(place).astype(float)
        where = where * 2 ** (0.05 * aside) if ax.get_xscale() == "log" else where + 0.03 * aside * _step(place)
        ax.plot(where, points[metric], marker, color=colour, markersize=2.5, alpha=0.45, linestyle="none")
        at = line["place"].to_numpy(dtype=float)
        ax.plot(at, line["mean"], marker=marker, color=colour, markersize=4.5, linewidth=1.4, label=str(kind))
        ax.fill_between(at, line["ci_low"].to_numpy(), line["ci_high"].to_numpy(), color=colour, alpha=0.12, linewidth=0)
    values = np.concatenate([estimates["mean"].to_numpy(), pairs[metric].to_numpy()])
    means = estimates.loc[estimates["mean"] > 0, "mean"]
    if len(means):
        ax.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(means.min())), linscale=0.5)
    lowest = float(values.min()) if len(values) else 0.0
    ax.set_ylim(bottom=min(0.0, lowest))
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.set_ylabel(axis_label(metric, split))
    return ax


def _step(place: Mapping[Any, float]) -> float:
    """Return the smallest distance of two places."""
    gaps = np.diff(sorted(place.values()))
    return float(gaps.min()) if len(gaps) else 1.0
