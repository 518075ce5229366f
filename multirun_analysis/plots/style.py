"""How every figure looks: one colour and marker per method and per repair, widths as ticks, units on the axes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from multirun_analysis.common.media import for_figure

COLOURS = sns.color_palette("colorblind").as_hex()
GREY = "#6b6b6b"  # of controls
MARKERS = "os^Dv*P"
FONT = 8  # points, of the titles of panels
STUDY_FONT = 9  # of those of studies, which have fewer and larger panels
# The same method has the same colour and marker in every figure, and so has a repair; no two are told apart by colour alone.
METHODS = {
    "identity": (GREY, "o"),
    "weights": (COLOURS[0], "s"),
    "covariance": (COLOURS[1], "^"),
    "activations": (COLOURS[2], "D"),
    "rebasin": (COLOURS[3], "v"),
    "rebasin_covariance": ("#7a3b10", "<"),
    "frank_wolfe": (COLOURS[4], "X"),
    "sinkhorn": (COLOURS[9], "P"),
    "straight_through": (COLOURS[5], "d"),
    "annealing": ("#332288", "*"),
    "otfusion": ("#882255", "h"),
    "random": ("#a6a6a6", "p"),
}
REPAIRS = {
    "none": (GREY, "o"),
    "reset": (COLOURS[0], "s"),
    "rescale": (COLOURS[1], "^"),
    "repair": (COLOURS[2], "D"),
    "repair_closed_form": (COLOURS[3], "v"),
}
LARGEST = 1e100
LONGEST = 40  # letters of a name in a legend, at a tick or along an axis
UNITS = {"loss": "nats", "error": "fraction"}


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply the style inside a ``with`` block, and leave matplotlib as it was."""
    settings: Any = {
        **sns.axes_style("ticks"),
        "figure.dpi": 150,
        "savefig.bbox": "tight",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "font.size": 9.0,
        "legend.frameon": False,
    }
    with mpl.rc_context(settings):
        yield


def method_look(method: str, methods: Sequence[str]) -> tuple[str, str]:
    """Return a method's colour and marker; a method without ones of its own takes the next free ones, in the order of `methods`."""
    return _look(method, methods, METHODS)


def repair_look(repair: str, repairs: Sequence[str]) -> tuple[str, str]:
    """Return a repair's colour and marker, as `method_look` returns those of methods."""
    return _look(repair, repairs, REPAIRS)


def key_look(key: str, name: str, names: Sequence[str]) -> tuple[str, str]:
    """Return the colour and marker of one of the values, as text, of a key whose values are a figure's lines."""
    return repair_look(name, names) if key == "repair" else method_look(name, names)


def _look(name: str, names: Sequence[str], fixed: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    if name in fixed:
        return fixed[name]
    others = [other for other in names if other not in fixed]
    k = others.index(name)
    return COLOURS[(4 + k) % len(COLOURS)], "P*Xd<>p"[k % 7]


def series_look(k: int) -> dict[str, Any]:
    """Return the colour and the marker of the k-th of several lines that are no methods, as arguments of `plot_line`."""
    return {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)]}


def panel_title(ax: Axes, text: str, size: int = FONT) -> None:
    """Write the title of a panel, above its left end."""
    ax.set_title(text, fontsize=size, loc="left")


def width_axis(ax: Axes, widths: Sequence[int]) -> None:
    """Put the true widths as ticks on a log2 axis."""
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(FixedLocator(list(widths)))
    ax.xaxis.set_major_formatter(FixedFormatter([str(width) for width in widths]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("width [neurons per hidden layer]")


def key_axis(ax: Axes, key: str, values: Sequence[Any]) -> list[float]:
    """Set up the horizontal axis for a key and return the position of each of its values.

    Widths stand on a log2 axis, other positive numbers that span a factor of ten or more on a log axis, other numbers on a linear one,
    and words side by side.
    """
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    positions = [float(value) for value in values] if numeric else [float(k) for k in range(len(values))]
    if key == "width":
        width_axis(ax, values)
    if len(positions) == 1:  # room for lines that stand aside
        (only,) = positions
        ax.set_xlim(*((only / 2, only * 2) if key == "width" else (only - 0.5, only + 0.5)))
    if key == "width":
        return positions
    if numeric and min(positions) > 0 and max(positions) >= 10 * min(positions):
        ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(positions))
    ticks = [f"{value:.3g}" if isinstance(value, float) else for_figure(value, LONGEST // 2) for value in values]
    ax.xaxis.set_major_formatter(FixedFormatter(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(for_figure(key, LONGEST))
    return positions


def drawable(values: Any) -> np.ndarray:
    """Return values as they can be drawn: NaN, which leaves a gap, where one is not finite or too large for any axis."""
    numbers = np.asarray(values, dtype=float)
    return np.where(np.abs(numbers) < LARGEST, numbers, np.nan)


def aside(ax: Axes, positions: Sequence[float], k: int, n: int) -> np.ndarray:
    """Return positions moved a little to the side, the k-th of n lines by its own step, so that equal values stay visible."""
    x = np.asarray(positions, dtype=float)
    logarithmic = ax.get_xscale() == "log"
    gaps = np.diff(np.unique(np.log(x) if logarithmic else x))
    shift = 0.05 * (float(gaps.min()) if len(gaps) else 1.0) * (k - (n - 1) / 2)
    return np.asarray(x * np.exp(shift) if logarithmic else x + shift)


def barrier_axis(ax: Axes, means: np.ndarray, values: np.ndarray, axis: Literal["x", "y"] = "y") -> None:
    """Set an axis of barriers: logarithmic down to the decade of the smallest mean, linear from there to the lowest value; 0 is marked."""
    if (means > 0).any():
        set_scale = ax.set_yscale if axis == "y" else ax.set_xscale
        set_scale("symlog", linthresh=10.0 ** np.floor(np.log10(means[means > 0].min())), linscale=0.5)
    lowest = float(np.fmin.reduce(np.concatenate([means, values]), initial=0.0))
    if axis == "y":
        ax.set_ylim(bottom=lowest)
        ax.axhline(0.0, color="black", linewidth=0.8)
    else:
        ax.set_xlim(left=lowest)
        ax.axvline(0.0, color="black", linewidth=0.8)


def axis_label(metric: str, split: str) -> str:
    """Return a label such as ``test loss barrier [nats]``."""
    return f"{split} {metric.replace('_', ' ')} [{UNITS[metric.split('_')[0]]}]"


def legend_above(figure: Figure, ax: Axes, title: str, columns: int | None = None) -> None:
    """Put one legend, of what `ax` shows, above all panels of a figure; in one row if `columns` is not given."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, ncols=columns or len(labels), loc="outside upper center", title=title)
