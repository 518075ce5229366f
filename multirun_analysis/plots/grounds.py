"""Colours of figures on the page, whose ground is white or, for readers who want that, dark: each is told from both."""

import colorsys
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable

from matplotlib.colors import to_hex, to_rgb

LIGHT, DARK = "#ffffff", "#14181c"  # --ground of page.css
LEAST = 3.0  # contrast of a mark and its ground: WCAG 2.1, criterion 1.4.11
CONTRAST = {LIGHT: LEAST, DARK: 4.5}  # in the dark more, for what is drawn pale
STEP = 0.01  # of lightness
INK = "#262626"  # of letters and axes in the style of all figures
NAMED = {INK: "var(--ink)", "#000000": "var(--ink)", "#cccccc": "var(--grid)"}
COLOUR = re.compile(r"#[0-9a-f]{6}\b")


def contrast(colour: str, ground: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21, as the Web Content Accessibility Guidelines define it."""
    darker, brighter = sorted(map(_luminance, (colour, ground)))
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def legible(colour: str, ground: str) -> str:
    """Return a colour, as much darker or brighter as it takes to be told from a ground: of the same hue."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*to_rgb(colour))
    step = -STEP if _luminance(ground) > 0.5 else STEP
    while contrast(colour, ground) < CONTRAST[ground] and 0.0 < lightness < 1.0:
        lightness = min(1.0, max(0.0, lightness + step))
        colour = to_hex(colorsys.hls_to_rgb(hue, lightness, saturation))
    return colour


def set_apart(element: ET.Element, only_ink: bool = False) -> set[str]:
    """Let the colours of an SVG element and of all within it be variables of the page's style, and return those that it must define.

    Parameters
    ----------
    element : Element
    only_ink : bool
        Leave all but letters and axes as they are: colours on a ground of their own, as those of heat maps.
    """
    colours: set[str] = set()

    def named(match: re.Match[str]) -> str:
        colour = match[0]
        if only_ink and colour != INK:
            return colour
        if colour in NAMED:
            return NAMED[colour]
        colours.add(colour)
        return f"var(--c{colour[1:]})"

    for part in element.iter():
        if "style" in part.attrib:
            part.set("style", COLOUR.sub(named, part.attrib["style"]))
    return colours


def style_of(colours: Iterable[str]) -> str:
    """Return the style that defines these colours, for both grounds."""
    light, dark = ("".join(f"--c{colour[1:]}:{legible(colour, ground)};" for colour in sorted(colours)) for ground in (LIGHT, DARK))
    return f":root{{{light}}}@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}" if light else ""
