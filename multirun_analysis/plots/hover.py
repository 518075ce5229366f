"""A figure on the page: SVG in which every mark says what it is on hover, in colours for a bright and a dark ground, taken apart."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter

from multirun_analysis.common.media import for_html, from_figure
from multirun_analysis.plots.apart import Box, panels_of, take_apart
from multirun_analysis.plots.grounds import LIGHT, set_apart, style_of
from multirun_analysis.plots.marks import TIPS, VALUES, Tip, attribute, filtered_by
from multirun_analysis.plots.style import figure_style

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
TIP, IS = "data-tip", "data-is"  # what is said of a mark, and the values of keys by which it is filtered
REM_PER_INCH = 6.7  # of a figure on a page: its letters are about as large as those around it
LARGEST = 1.2  # times its usual size, of a panel with room
LONG_NUMBER = re.compile(r"(\d\.\d\d)\d+")


@dataclass(frozen=True)
class Part:
    """A part of a picture: a name, the values of keys by which it is filtered, and its SVG."""

    name: str
    values: str
    svg: Markup


@dataclass(frozen=True)
class Taken:
    """A figure taken apart: its style and definitions, a sentence on its marks, the entries of its legend, its panels, and their width."""

    shared: Markup
    note: str
    entries: Sequence[Part]
    panels: Sequence[Part]
    rem: float

    def __len__(self) -> int:
        """Return the number of letters that the page has of it."""
        return len(self.shared) + sum(len(part.svg) for part in (*self.entries, *self.panels))


def hover_svg(figure: Figure, to_svg: Callable[[Figure], str], prefix: str) -> Taken:
    """Return a figure for a page of HTML, whose marks have what is said of them in the attribute ``data-tip``; it is no longer whole then.

    Parameters
    ----------
    figure : Figure
        Laid out. A figure of a user's own, whose panels are not marked by `mark_panel`, stays in one part.
    to_svg : callable
        What turns the figure into SVG.
    prefix : str
        Before every identifier, for several figures on one page.
    """
    with figure_style():
        panels, note = panels_of(figure), ""
        differing = _differing(panels)
        marked = {ax: _name_marks(ax, f"{prefix}{k}", differing) for k, ax in enumerate(figure.axes)}
        entries: Sequence[Box] = ()
        boxes: Sequence[Box] = [Box("figure_1", (0, 0, *(72 * figure.get_size_inches())))]
        if panels:
            parts = take_apart(figure, panels)
            note, entries, boxes = parts.note, parts.entries, parts.panels
        for ax in figure.axes:
            if to_hex(ax.get_facecolor()) == LIGHT:  # letters are pale in the dark
                ax.patch.set_visible(False)
        figure.patch.set_visible(False)
        root = ET.fromstring(to_svg(figure))
    groups = {group.get("id"): group for group in root.iter(f"{{{SVG}}}g")}
    for tips in marked.values():
        for gid, (artist, texts) in tips.items():
            _tell(groups.get(gid), artist, texts)
    own_ground = {str(ax.get_gid()) for ax in figure.axes if any(part.get_array() is not None for part in ax.collections)}
    colours: set[str] = set()
    for box in (*entries, *boxes):
        colours |= set_apart(groups[box.gid], box.gid in own_ground or (not panels and bool(own_ground)))
    shared = _definitions(root, prefix)
    made = [[_part(groups[box.gid], box, prefix) for box in kind] for kind in (entries, boxes)]
    rem = max(float(box.corners[2]) for box in boxes) / 72 * REM_PER_INCH
    return Taken(Markup(f"<style>{style_of(colours)}</style>{shared}"), note, made[0], made[1], rem)


def _differing(panels: Sequence[Axes]) -> set[str]:
    """Return the keys in which panels differ."""
    values = [vars(ax)[VALUES] for ax in panels]
    return {key for each in values for key in each if len({other.get(key) for other in values}) > 1}


def _name_marks(ax: Axes, prefix: str, differing: set[str]) -> dict[str, tuple[Artist, list[tuple[list[str], str]]]]:
    """Give an identifier to each artist whose marks have tips, and return it with the values and the tip of every mark."""
    named = {}
    of_panel = {key: value for key, value in vars(ax).get(VALUES, {}).items() if key in differing}
    for k, artist in enumerate(ax.get_children()):
        shared, tips = vars(artist).get(VALUES, {}), vars(artist).get(TIPS) or _coordinates(ax, artist)
        texts = []
        for values, text in tips:
            names = ", ".join(f"{key}={value}" for key, value in ({**shared, **of_panel, **values}).items() if key != "split")
            texts.append((filtered_by({**shared, **values}), f"{names}\n{text}" if names and text else text))
        if not texts:
            continue
        artist.set_gid(f"marks{prefix}-{k}")
        named[f"marks{prefix}-{k}"] = artist, texts
    return named


def _coordinates(ax: Axes, line: Artist) -> list[Tip]:
    """Return of every marker of a labelled line of which nothing is said its label, and its coordinates as the axes name them."""
    if not isinstance(line, Line2D) or str(line.get_label()).startswith("_") or line.get_marker() in ("", "None", None):
        return []
    ticks = _named_ticks(ax.xaxis)
    label, x_name, y_name = (from_figure(str(text)) for text in (line.get_label(), ax.get_xlabel(), ax.get_ylabel()))
    x, y = (np.asarray(data, dtype=float) for data in line.get_data())
    tips: list[Tip] = []
    for at, value in zip(x, y, strict=True):
        if np.isfinite(at) and np.isfinite(value):
            nearest = min(ticks, key=lambda position: abs(position - at), default=at)
            tick = ticks.get(nearest) if np.isclose(nearest, at, rtol=0.15, atol=0.0) else None
            shown = f"{at:.4g}" if tick is None else from_figure(tick)
            tips.append(({}, f"{label}\n{x_name.partition(' [')[0]}: {shown}\n{' '.join(y_name.split())}: {value:.4g}"))
    return tips


def _named_ticks(axis: Axis) -> dict[float, str]:
    """Return the names of an axis's ticks by their positions; other axes' ticks stand anywhere, and may be formulas."""
    formatter, positions = axis.get_major_formatter(), [float(position) for position in axis.get_ticklocs()]
    if not isinstance(formatter, FixedFormatter):
        return {}
    return dict(zip(positions, formatter.format_ticks(positions), strict=True))


def _tell(group: ET.Element | None, artist: Artist, tips: Sequence[tuple[list[str], str]]) -> None:
    """Write tips on the marks of a group; where their number differs, rather none than wrong ones."""
    if group is None:
        return
    defined = {part for defs in group.iter(f"{{{SVG}}}defs") for part in defs.iter()}
    marks = list(group.iter(f"{{{SVG}}}use")) or [part for part in group.iter(f"{{{SVG}}}path") if part not in defined]
    if len(marks) != len(tips):
        return
    common = [word for word in tips[0][0] if all(word in words for words, _ in tips)]  # the line that joins marks is of these
    group.set(IS, attribute(common))
    for element, (words, tip) in zip(marks, tips, strict=True):
        if tip:
            element.set(TIP, for_html(tip))
        if own := [word for word in words if word not in common]:
            element.set(IS, attribute(own))
        if isinstance(artist, QuadMesh):  # a cell without a colour too
            element.set("pointer-events", "all")


def _definitions(root: ET.Element, prefix: str) -> str:
    """Take what is drawn by reference, letters and markers, out of an SVG, and return it as an element that shows nothing by itself."""
    holder = ET.Element(f"{{{SVG}}}svg", {"width": "0", "height": "0", "class": "shared", "aria-hidden": "true"})
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag == f"{{{SVG}}}defs"]:
            parent.remove(child)
            for style in child.findall(f"{{{SVG}}}style"):
                child.remove(style)
            holder.append(child)
    return _text(holder, prefix)


def _part(group: ET.Element, box: Box, prefix: str) -> Part:
    view = " ".join(f"{number:.1f}" for number in box.corners)
    root = ET.Element(f"{{{SVG}}}svg", {"viewBox": view, "role": "img", "aria-label": for_html(box.title) or "figure"})
    root.set("style", f"max-width:{box.corners[2] / 72 * LARGEST * REM_PER_INCH:.1f}rem")
    root.append(group)
    return Part(box.title, attribute(filtered_by(box.values)), Markup(_text(root, prefix)))


def _text(element: ET.Element, prefix: str) -> str:
    """Return an element as text, its identifiers after a prefix, without more digits than are seen."""
    for part in element.iter():
        part.tail = None
        if not (part.text or "").strip():
            part.text = None
        for name in ("d", "x", "y"):
            if name in part.attrib:
                part.set(name, LONG_NUMBER.sub(r"\1", part.attrib[name]))
        for name, value in part.attrib.items():
            if name == "id":
                part.set(name, f"{prefix}-{value}")
            elif name in ("href", f"{{{XLINK}}}href") and value.startswith("#"):
                part.set(name, f"#{prefix}-{value[1:]}")
            elif name not in (IS, TIP):  # whose words are a record's
                part.set(name, value.replace("url(#", f"url(#{prefix}-"))
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    return ET.tostring(element, encoding="unicode")
