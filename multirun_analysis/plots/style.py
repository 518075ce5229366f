"""How every figure looks: one colour and marker per method and per repair, widths as ticks, units on the axes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.paper import paper

COLOURS = sns.color_palette("colorblind").as_hex()
GREY = "#6b6b6b"  # of controls
MARKERS = "os^Dv*P"
OTHER_MARKERS = "P*Xd<>p"  # of what has no look of its own
MARGIN = 0.1  # of an axis of barriers below 0, in units of where its scale changes: points at 0 are seen whole
SHADES = "flare"  # the palette of a key of numbers
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
    "folding": ("#8c8c8c", ">"),
    "procrustes": ("#117733", "8"),
    "learned_maps": ("#cc6677", "H"),
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
        "font.size": float(STUDY_FONT),
        "legend.frameon": False,
        **({} if (of_paper := paper()) is None else of_paper.settings),
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
    """Return the colour and marker of one of the values, as text, of a key whose values are a figure's lines.

    Numbers are told apart by shades of one colour, the lightest for the smallest: their order is seen.
    """
    if len(names) > 1 and all(map(_is_number, names)):
        k = sorted(names, key=float).index(name)
        return sns.color_palette(SHADES, len(names)).as_hex()[k], MARKERS[k % len(MARKERS)]
    return repair_look(name, names) if key == "repair" else method_look(name, names)


def _look(name: str, names: Sequence[str], fixed: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """Return the fixed look of a name; with settings behind it, ``weights[biases=true]``, shades of its colour and markers in turn."""
    if name in fixed:
        return fixed[name]
    plain = _plain(name)
    if plain in fixed:
        k = [other for other in names if _plain(other) == plain].index(name)
        colour, marker = fixed[plain]
        return (colour, marker) if k == 0 else (_shade(colour, k), OTHER_MARKERS[(k - 1) % len(OTHER_MARKERS)])
    others = [other for other in names if _plain(other) not in fixed]
    k = others.index(name)
    return COLOURS[(4 + k) % len(COLOURS)], OTHER_MARKERS[k % len(OTHER_MARKERS)]


def _plain(name: str) -> str:
    """Return a name without the settings behind it."""
    return name.partition("[")[0]


def _shade(colour: str, k: int) -> str:
    """Return the k-th shade of a colour, k from 1: lighter and darker in turn."""
    return str(mpl.colors.to_hex(sns.light_palette(colour, 5)[2] if k % 2 else sns.dark_palette(colour, 5)[2]))


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def series_look(k: int) -> dict[str, Any]:
    """Return the colour and the marker of the k-th of several lines that are no methods, as arguments of `plot_line`."""
    return {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)]}


def panel_title(ax: Axes, text: str, size: int = FONT) -> None:
    """Write the title of a panel, above its left end."""
    ax.set_title(text, fontsize=scaled(size), loc="left")


def scaled(points: float) -> float:
    """Return a size of letters, given for our own style, at the size that matplotlib's letters have now."""
    return points / STUDY_FONT * float(mpl.rcParams["font.size"])


def width_axis(ax: Axes, widths: Sequence[int]) -> None:
    """Put the true widths as ticks on a log2 axis."""
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(FixedLocator(list(widths)))
    ax.xaxis.set_major_formatter(FixedFormatter([str(width) for width in widths]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("width [neurons per hidden layer]")


def key_axis(ax: Axes, key: str, values: Sequence[Any]) -> list[float]:
    """Set up the horizontal axis for a key and return the position of each of its values.

    Widths stand on a log2 axis. Other numbers stand on a log axis where they are positive, and more evenly spread there than on a linear
    one or ten times as large as one another; with a zero among them it is linear from 0 to the smallest. Words stand side by side.
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
    above = [position for position in positions if position > 0]
    if numeric and min(positions) >= 0 and above and (max(above) >= 10 * min(above) or _is_geometric(above)):
        if min(positions) > 0:
            ax.set_xscale("log")
        else:
            ax.set_xscale("symlog", linthresh=min(above), linscale=0.5)
    ax.xaxis.set_major_locator(FixedLocator(positions))
    ticks = [f"{value:.3g}" if isinstance(value, float) else for_figure(value, LONGEST // 2) for value in values]
    ax.xaxis.set_major_formatter(FixedFormatter(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(for_figure(key, LONGEST))
    return positions


def _is_geometric(positions: Sequence[float]) -> bool:
    """Return whether three numbers or more are more evenly spread by their ratios than by their differences."""
    if len(positions) < 3:
        return False
    unevenness = [float(np.std(steps) / np.mean(steps)) for steps in (np.diff(np.sort(np.log(positions))), np.diff(np.sort(positions)))]
    return unevenness[0] < unevenness[1] - 1e-9


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
    """Set an axis of barriers: logarithmic down to the decade of the smallest mean, linear from there to the lowest value.

    0 is marked by a line, and the place where the scale changes by a break across the axis.
    """
    threshold = 0.0
    if (means > 0).any():
        set_scale = ax.set_yscale if axis == "y" else ax.set_xscale
        threshold = 10.0 ** np.floor(np.log10(means[means > 0].min()))
        set_scale("symlog", linthresh=threshold, linscale=0.5)
        _mark_break(ax, threshold, axis)
    lowest = min(float(np.fmin.reduce(np.concatenate([means, values]), initial=0.0)), -MARGIN * threshold)
    if axis == "y":
        ax.set_ylim(bottom=lowest)
        ax.axhline(0.0, color="black", linewidth=0.8)
    else:
        ax.set_xlim(left=lowest)
        ax.axvline(0.0, color="black", linewidth=0.8)


def _mark_break(ax: Axes, value: float, axis: Literal["x", "y"]) -> None:
    """Draw two strokes across an axis at a value."""
    x, y, transform = (0, value, ax.get_yaxis_transform()) if axis == "y" else (value, 0, ax.get_xaxis_transform())
    strokes = ax.text(x, y, "//", transform=transform, fontsize=8, ha="center", va="center", rotation=90 if axis == "y" else 0)
    strokes.set_in_layout(False)


class _FewTicks(LogLocator):
    """Ticks at powers of ten, and between them where the axis has few of them."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        decades = np.log10(vmax / vmin) if 0 < vmin < vmax else 1.0
        between = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0) if decades < 0.8 else (1.0, 2.0, 5.0) if decades < 1.5 else (1.0, 3.0)
        self.set_params(subs=between if decades < 2.5 else (1.0,))
        return super().tick_values(vmin, vmax)


def plain_log_axis(ax: Axes, axis: Literal["x", "y"] = "x") -> None:
    """Make an axis logarithmic, with few enough ticks, also within a decade, for them to be written as plain numbers."""
    (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
    scale = ax.xaxis if axis == "x" else ax.yaxis
    scale.set_major_locator(_FewTicks())
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    scale.set_minor_formatter(NullFormatter())


def axis_label(metric: str, split: str) -> str:
    """Return a label such as ``test loss barrier [nats]``."""
    return f"{split} {metric.replace('_', ' ')} [{UNITS[metric.split('_')[0]]}]"


def legend_above(figure: Figure, ax: Axes, title: str, columns: int | None = None) -> None:
    """Put one legend, of what `ax` shows, above all panels of a figure; in one row if `columns` is not given."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, ncols=columns or len(labels), loc="outside upper center", title=title)
