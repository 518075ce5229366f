"""How every figure looks: one colour and marker per method, widths as ticks, units on the axes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

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
# The same method has the same colour and marker in every figure.
METHODS = {
    "identity": (GREY, "o"),
    "weights": (COLOURS[0], "s"),
    "covariance": (COLOURS[1], "^"),
    "activations": (COLOURS[2], "D"),
    "rebasin": (COLOURS[3], "v"),
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
    if method in METHODS:
        return METHODS[method]
    others = [name for name in methods if name not in METHODS]
    k = others.index(method)
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


def axis_label(metric: str, split: str) -> str:
    """Return a label such as ``test loss barrier [nats]``."""
    return f"{split} {metric.replace('_', ' ')} [{UNITS[metric.split('_')[0]]}]"


def legend_above(figure: Figure, ax: Axes, title: str, columns: int | None = None) -> None:
    """Put one legend, of what `ax` shows, above all panels of a figure; in one row if `columns` is not given."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, ncols=columns or len(labels), loc="outside upper center", title=title)
