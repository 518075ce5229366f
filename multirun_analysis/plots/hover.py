"""Values on hover: a figure as SVG in which every marker of a labelled line says what it is."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter

from multirun_analysis.common.media import from_figure

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
TIP = "data-tip"
REM_PER_INCH = 6.7  # of a figure on a page: its letters are about as large as those around it


def hover_svg(figure: Figure, to_svg: Callable[[Figure], str], prefix: str) -> str:
    """Return a figure as an SVG element for a page of HTML, whose markers have their values in the attribute ``data-tip``.

    Parameters
    ----------
    figure : Figure
    to_svg : callable
        What turns the figure into SVG.
    prefix : str
        Before every identifier, for several figures on one page.
    """
    marked: dict[str, list[str]] = {}
    for ax in figure.axes:
        for line in ax.get_lines():
            if not str(line.get_label()).startswith("_") and line.get_marker() not in ("", "None", None):
                line.set_gid(f"line{len(marked)}")
                marked[f"line{len(marked)}"] = _tips(ax, line)
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    root = ET.fromstring(to_svg(figure))
    for group in root.iter(f"{{{SVG}}}g"):
        markers = list(group.iter(f"{{{SVG}}}use"))
        tips = marked.get(group.get("id", ""), [])
        if len(markers) == len(tips):  # markers outside the canvas are not drawn; rather no tips than wrong ones
            for marker, tip in zip(markers, tips, strict=True):
                marker.set(TIP, tip)
    for element in root.findall(f"{{{SVG}}}metadata"):
        root.remove(element)
    for size in ("width", "height"):  # the page sets the size; the view box keeps the proportions
        root.attrib.pop(size, None)
    root.set("style", f"max-width: {figure.get_figwidth() * REM_PER_INCH:.0f}rem")
    root.set("role", "img")
    text = ET.tostring(root, encoding="unicode")
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", text)


def _tips(ax: Axes, line: Line2D) -> list[str]:
    """Return a text for every marker of a line: its label, and its coordinates as the axes name them."""
    ticks, rows = _named_ticks(ax.xaxis), _named_ticks(ax.yaxis)
    label, x_name, y_name = (from_figure(str(text)) for text in (line.get_label(), ax.get_xlabel(), ax.get_ylabel()))
    x, y = line.get_data()
    tips = []
    for at, value in zip(np.asarray(x, dtype=float), np.asarray(y, dtype=float), strict=True):
        if np.isfinite(at) and np.isfinite(value):
            nearest = min(ticks, key=lambda position: abs(position - at), default=at)
            tick = ticks.get(nearest) if np.isclose(nearest, at, rtol=0.15, atol=0.0) else None
            shown = f"{at:.4g}" if tick is None else from_figure(tick)
            y_line = y_name.replace("\n", " ")
            if rows:  # a row for each of some words: what is measured lies along x
                row = from_figure(rows[min(rows, key=lambda position: abs(position - value))])
                tips.append(f"{label}\n{row}\n{x_name}: {at:.4g}")
            else:
                tips.append(f"{label}\n{x_name.partition(' [')[0]}: {shown}\n{y_line}: {value:.4g}")
    return tips


def _named_ticks(axis: Axis) -> dict[float, str]:
    """Return the names of an axis's ticks by their positions; other axes' ticks stand anywhere, and may be formulas."""
    formatter, positions = axis.get_major_formatter(), [float(position) for position in axis.get_ticklocs()]
    if not isinstance(formatter, FixedFormatter):
        return {}
    return dict(zip(positions, formatter.format_ticks(positions), strict=True))
