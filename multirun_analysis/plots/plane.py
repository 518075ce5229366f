"""The loss over the plane through A, B and matched B: filled contours, the three networks, the two lines."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.base import Frames, SweepFigure
from multirun_analysis.plots.marks import mark, mark_panel, pair_text
from multirun_analysis.plots.panels import row_title
from multirun_analysis.plots.style import FONT, LONGEST, axis_label, figure_style, panel_title
from multirun_analysis.records.labels import method_order
from multirun_analysis.schema import PAIR, PLANE_NETWORKS
from multirun_analysis.tables.cells import left_out

COLOURS = "viridis"  # dark valleys, bright walls; the same order of lightness for every kind of colour vision
N_LEVELS = 22
HIGH = 0.9  # of all values lie below the highest level: far corners of planes must not take the colours from the wall
SPAN = 1e4  # of the levels, at most: below it a loss is as good as none
MOST_ROWS = 6
PANEL = 2.9  # inches
HALO = [patheffects.withStroke(linewidth=2.0, foreground="black")]


def plane_levels(values: pd.Series) -> np.ndarray:
    """Return levels evenly spaced in the logarithm, so that valleys and the wall between them are told apart."""
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.empty:
        return np.array([0.5, 1.0])
    high = float(positive.quantile(HIGH))
    low = max(float(positive.min()), high / SPAN)
    return np.geomspace(low, high, N_LEVELS) if low < high else np.array([high / 2, high])


def plot_plane(plane: pd.DataFrame, *, metric: str = "loss", levels: np.ndarray | None = None, ax: Axes | None = None) -> Axes:
    """Draw a metric over the plane of one pair and method.

    Parameters
    ----------
    plane : DataFrame
        Rows of `load_planes` of one job, pair and method.
    metric : str
        ``loss`` or ``error``.
    levels : ndarray, optional
        Of the contours; `plane_levels` of this plane if not given. A point without a value stays white.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(4.2, 3.6))[1]
    levels = plane_levels(plane[metric]) if levels is None else levels
    grid = plane[plane["network"] == ""].pivot(index="y", columns="x", values=metric)
    x, y, heights = grid.columns.to_numpy(dtype=float), grid.index.to_numpy(dtype=float), grid.to_numpy(dtype=float)
    ax.contourf(x, y, heights, levels=levels, cmap=COLOURS, norm=_norm(levels), extend="both")
    networks = plane[plane["network"] != ""].set_index("network")[["x", "y"]]
    a, b, matched = (networks.loc[name].to_numpy(dtype=float) for name in PLANE_NETWORKS)
    for end, look in ((b, "--"), (matched, "-")):
        ax.plot([a[0], end[0]], [a[1], end[1]], look, color="white", linewidth=1.2, path_effects=HALO)
    losses, first = plane[plane["network"] != ""].set_index("network")[metric], plane.iloc[0].to_dict()
    for name, (x, y) in networks.iterrows():
        (point,) = ax.plot(x, y, "o", color="white", markeredgecolor="black", markersize=5)
        text = pair_text(first, axis_label(metric, "test"), losses[str(name)])
        mark(point, [({}, f"network {name}\n{text}")], matching=str(first["matching"]), split="test")
        below = bool(y < matched[1] / 2)
        ax.annotate(
            str(name), (x, y), xytext=(0, -6 if below else 6), textcoords="offset points", ha="center", va="top" if below else "bottom",
            color="white", fontsize=FONT, path_effects=HALO,
        )  # fmt: skip
    ax.set_aspect("equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    ax.grid(False)
    ax.set_xlabel("distance along A to B")
    ax.set_ylabel("distance across")
    return ax


def plane_figure(planes: pd.DataFrame, *, metric: str = "loss") -> Figure | None:
    """Return the planes of a sweep, a row of panels for each width, a column for each method, one colour scale; None if there are none.

    Of each width (and each value of further keys) the lowest seed and its first pair are shown; of more than `MOST_ROWS` rows, that many
    from the first to the last.

    Parameters
    ----------
    planes : DataFrame
        As `load_planes` returns it.
    metric : str
        ``loss`` or ``error``.
    """
    if planes.empty:
        return None
    keys = [key for key in planes.columns[: planes.columns.get_loc(PAIR[0])] if key not in ("run_id", "seed")]
    rows = [_first_pair(cell) for _, cell in planes.groupby(keys, sort=False)]
    chosen = [rows[k] for k in np.unique(np.linspace(0, len(rows) - 1, MOST_ROWS).round().astype(int))]
    methods = sorted(pd.concat(chosen)["matching"].unique(), key=method_order)
    levels = plane_levels(pd.concat(chosen)[metric])
    named = [key for key in keys if key == "width" or planes[key].nunique() > 1]
    with figure_style():
        size = PANEL * len(methods) + 1.5, (_height(chosen, PANEL - 0.4) + 0.5) * len(chosen) + 0.4
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(chosen), len(methods), squeeze=False)
        for panels, row in zip(axes, chosen, strict=True):
            for ax, method in zip(panels, methods, strict=True):
                mark_panel(ax, [*named, "matching"], [*row[named].iloc[0], method])
                _panel(ax, row[row["matching"] == method], metric, levels)
                panel_title(ax, for_figure(method, LONGEST))
            row_title(panels[0], [*named, "seed"], row[[*named, "seed"]].iloc[0], for_figure(methods[0], LONGEST))
        for ax in axes[:-1].flat:
            ax.set_xlabel("")
        for ax in axes[:, 1:].flat:
            ax.set_ylabel("")
        bar = figure.colorbar(ScalarMappable(_norm(levels), COLOURS), ax=axes, label=axis_label(metric, "test"), aspect=30, pad=0.02)
        _plain_ticks(bar.ax.yaxis, levels)
        if cut := left_out(len(chosen), len(rows), "rows", evenly=True):
            figure.suptitle(cut, fontsize=FONT)
    return figure


def _first_pair(cell: pd.DataFrame) -> pd.DataFrame:
    """Return the planes of the first pair of the job of the lowest seed."""
    job = cell[cell["seed"] == cell["seed"].min()]
    first = job.iloc[0]
    pair = ["run_id", *PAIR]
    return job[(job[pair] == first[pair]).all(axis=1)]


def _panel(ax: Axes, plane: pd.DataFrame, metric: str, levels: np.ndarray) -> None:
    if plane.empty:
        ax.text(
            0.5, 0.5, "no plane:\nthe three lie on one line,\nor it was not requested", ha="center", va="center", transform=ax.transAxes
        )
        ax.set_axis_off()
    else:
        plot_plane(plane, metric=metric, levels=levels, ax=ax)


def _norm(levels: np.ndarray) -> BoundaryNorm:
    return BoundaryNorm(levels.tolist(), 256, extend="both")


def _height(planes: Sequence[pd.DataFrame], width: float) -> float:
    """Return how high the highest of some planes is in panels of that width, at equal scales."""
    sizes = [np.ptp(plane[["x", "y"]].to_numpy(), axis=0) for row in planes for _, plane in row.groupby("matching")]
    return width * max(float(size[1] / size[0]) for size in sizes)


def _plain_ticks(axis: Any, levels: np.ndarray) -> None:
    """Put ticks at 1, 2 and 5 of every decade, written as people write them."""
    decades = 10.0 ** np.arange(np.floor(np.log10(levels[0])), np.log10(levels[-1]) + 1)
    axis.set_major_locator(FixedLocator([tick for tick in np.outer(decades, [1, 2, 5]).ravel() if levels[0] <= tick <= levels[-1]]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return the planes of the test loss, where the sweep has any."""
    return plane_figure(frames["planes"])


FIGURE = SweepFigure(
    "The plane through A, B and matched B",
    "The test loss over the plane through network A, network B and B permuted, the same function as B. The matched line (full) and "
    "the unmatched one (dashed) are those of the barriers; distances are Euclidean, over all weights. "
    "Of each row the first pair of the lowest seed is shown.",
    draw,
    order=60,
)
