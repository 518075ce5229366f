"""A figure taken apart for the page: its legend, and its panels one by one, which the page sets side by side or under one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.transforms import Bbox

from multirun_analysis.common.media import for_figure, from_figure
from multirun_analysis.plots.crowding import set_aslant
from multirun_analysis.plots.marks import ROW_TITLE, VALUES
from multirun_analysis.plots.style import LONGEST

WIDEST, NARROWEST = 3.0, 2.2  # inches, of what a panel shows: on a phone its letters are read
BESIDE, BELOW = 1.6, 0.9  # inches, for ticks and labels; what is not needed is cut off
PER_ENTRY = 0.3  # inches of height, of an entry of a legend
PADDING = 2.0  # points


@dataclass(frozen=True)
class Box:
    """A part of a figure: the group of the SVG that it is, and the corners in points from the left and the top, what it is called."""

    gid: str
    corners: tuple[float, float, float, float]
    title: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parts:
    """The parts of a figure: a sentence on its marks, the entries of its legend, its panels, and its scale of colours."""

    note: str
    entries: Sequence[Box]
    panels: Sequence[Box]


def panels_of(figure: Figure) -> list[Axes]:
    """Return the panels of a figure that can be taken apart, those that are known to the page; none of another figure."""
    panels = [ax for ax in figure.axes if VALUES in vars(ax)]
    others = [ax for ax in figure.axes if VALUES not in vars(ax) and ax.axison and not _is_scale(ax)]
    return [] if others else panels


def _is_scale(ax: Axes) -> bool:
    return ax.get_label() == "<colorbar>"


def take_apart(figure: Figure, panels: Sequence[Axes]) -> Parts:
    """Lay every panel of a figure upon the first one, each with its own labels, and return where its parts are.

    Each part is an own group of the figure's SVG, so that it does not matter that they lie upon one another.
    """
    scales = [ax for ax in figure.axes if _is_scale(ax)]
    values, titles = _varying(panels), [_title(ax) for ax in panels]
    for ax in panels:
        _label(ax, panels, figure)
    note, legend = _legend(figure)
    _lay_upon_another(figure, [*panels, *scales], n_entries=len(legend.legend_handles) if legend else 0)
    entries = _entries(legend, panels, figure) if legend else []
    boxes = [ax.get_tightbbox() for ax in panels]
    union = Bbox.union([box for box in boxes if box is not None])
    parts = []
    for k, ax in enumerate(panels):
        ax.set_gid(f"panel{k}")
        name = ", ".join(f"{key}={value}" for key, value in values[k].items())
        plain = {*values[k].values(), *(f"{key} {value}" for key, value in values[k].items())}
        title = "; ".join(text for text in (name, "" if titles[k] in plain else titles[k]) if text)
        parts.append(Box(f"panel{k}", _corners(union, figure), title, vars(ax)[VALUES]))
    for k, ax in enumerate(scales):
        ax.set_gid(f"scale{k}")
        if (box := ax.get_tightbbox()) is not None:
            parts.append(Box(f"scale{k}", _corners(box, figure)))
    return Parts(note, entries, parts)


def _varying(panels: Sequence[Axes]) -> list[dict[str, str]]:
    """Return of each panel the keys in which it differs from another one, with their values."""
    values = [vars(ax)[VALUES] for ax in panels]
    keys = [key for key in dict.fromkeys(key for each in values for key in each) if len({each.get(key) for each in values}) > 1]
    return [{key: each[key] for key in keys if key in each} for each in values]


def _title(ax: Axes) -> str:
    """Take the title of a panel, and that of its row, off it, and return the former."""
    title = from_figure(ax.get_title("left")).strip()
    ax.set_title("", loc="left")
    if ROW_TITLE in vars(ax):
        vars(ax).pop(ROW_TITLE).remove()
    return title


def _label(ax: Axes, panels: Sequence[Axes], figure: Figure) -> None:
    """Give a panel the labels that it shared with others: of its row, its column or the whole figure."""
    spec = ax.get_subplotspec()
    if not ax.axison or spec is None:
        return
    ax.tick_params(which="both", labelleft=True, labelbottom=True)
    beside = [other for other in panels if (near := other.get_subplotspec()) is not None and near.rowspan == spec.rowspan]
    below = [other for other in panels if (near := other.get_subplotspec()) is not None and near.colspan == spec.colspan]
    if not ax.get_ylabel():
        ax.set_ylabel(next((other.get_ylabel() for other in beside if other.get_ylabel()), ""))
    if not ax.get_xlabel():
        ax.set_xlabel(next((other.get_xlabel() for other in below if other.get_xlabel()), figure.get_supxlabel()))


def _legend(figure: Figure) -> tuple[str, Legend | None]:
    """Return what stands above a figure's legend or panels, and its legend, anew and in one column."""
    title = from_figure(figure.get_suptitle())
    for text in figure.texts:
        text.set_visible(False)
    if not figure.legends:
        return title, None
    old = figure.legends.pop()
    note = "; ".join(text for text in (from_figure(old.get_title().get_text()).replace("\n", "; "), title) if text)
    if not old.legend_handles:
        return note, None
    handles = [handle for handle in old.legend_handles if handle is not None]
    return note, figure.legend(handles, [text.get_text() for text in old.texts], loc="upper left", ncols=1)


def _lay_upon_another(figure: Figure, axes: Sequence[Axes], n_entries: int) -> None:
    sizes = [ax.get_position().size * figure.get_size_inches() for ax in axes if not _is_scale(ax)]
    width = min(WIDEST, max(NARROWEST, *(float(size[0]) for size in sizes)))
    height = max(float(size[1]) for size in sizes)
    whole = width + BESIDE, max(height + 2 * BELOW, PER_ENTRY * (n_entries + 1))
    figure.set_size_inches(*whole)
    figure.patch.set_visible(False)
    for ax in axes:
        ax.patch.set_visible(False)
        if _is_scale(ax):
            ax.set_axes_locator(None)  # type: ignore[arg-type]  # the stubs know no way back
        ax.set_position((1.2 / whole[0], BELOW / whole[1], width / whole[0], height / whole[1]))
    set_aslant(figure, [ax for ax in axes if not _is_scale(ax)])


def _entries(legend: Legend, panels: Sequence[Axes], figure: Figure) -> list[Box]:
    """Return the entries of a legend, each with the values of keys that its marks share."""
    of_label = {
        for_figure(from_figure(str(line.get_label())), LONGEST): vars(line)[VALUES]
        for ax in panels for line in ax.get_lines() if VALUES in vars(line)
    }  # fmt: skip
    figure.draw_artist(legend)  # which places its entries
    entries = []
    for k, (handle, text) in enumerate(zip(legend.legend_handles, legend.texts, strict=True)):
        if handle is not None:
            handle.set_gid(f"entry{k}")
            label = text.get_text()
            corners = _corners(handle.get_window_extent(), figure, 2 * PADDING)
            entries.append(Box(f"entry{k}", corners, from_figure(label), of_label.get(label, {})))
    return entries


def _corners(box: Bbox, figure: Figure, padding: float = PADDING) -> tuple[float, float, float, float]:
    """Return left, top, width and height in points of the SVG, whose vertical axis points down."""
    scale, height = 72 / figure.dpi, figure.get_figheight() * 72
    left, top = box.x0 * scale - padding, height - box.y1 * scale - padding
    return left, top, box.width * scale + 2 * padding, box.height * scale + 2 * padding
