"""Colours on both grounds of the page: told from them by the ratio that the Web Content Accessibility Guidelines ask for."""

import re
import xml.etree.ElementTree as ET
from importlib.resources import files

import numpy as np
import pytest
from matplotlib.colors import rgb_to_hsv, to_rgb

from multirun_analysis import page
from multirun_analysis.plots.grounds import CONTRAST, DARK, INK, LEAST, LIGHT, contrast, legible, set_apart, style_of
from multirun_analysis.plots.style import COLOURS, METHODS, REPAIRS

ALL = sorted({*(colour for colour, _ in (*METHODS.values(), *REPAIRS.values())), *COLOURS})


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the grey that the guidelines' tools give as just short of 4.5
    assert contrast("#123456", "#123456") == 1.0


@pytest.mark.parametrize("ground", [LIGHT, DARK])
@pytest.mark.parametrize("colour", ALL)
def test_every_colour_of_a_method_or_repair_is_told_from_both_grounds_and_keeps_its_hue(colour, ground):
    shown = legible(colour, ground)
    assert contrast(shown, ground) >= CONTRAST[ground] >= LEAST == 3.0
    hues = [rgb_to_hsv(to_rgb(each))[0] for each in (colour, shown)]
    assert abs((hues[0] - hues[1] + 0.5) % 1 - 0.5) < 0.02
    if contrast(colour, ground) >= CONTRAST[ground]:
        assert shown == colour


def test_no_two_methods_have_one_colour_in_the_dark():
    shown = [
        np.array(to_rgb(legible(colour, DARK))) for name, (colour, _) in METHODS.items() if name not in ("random", "folding", "identity")
    ]
    distances = [np.abs(one - other).max() for k, one in enumerate(shown) for other in shown[:k]]
    assert min(distances) > 0.05


def test_the_grounds_are_those_of_the_pages_style():
    style = files(page).joinpath("page.css").read_text("utf-8")
    assert re.findall(r"--ground: (#\w+)", style) == [LIGHT, DARK]


def test_colours_become_variables_that_the_style_defines_for_both_grounds():
    element = ET.fromstring(f'<g><path style="fill: #0173b2; stroke: {INK}"/><path style="stroke: #332288"/></g>')
    colours = set_apart(element)
    assert [part.get("style") for part in element] == ["fill: var(--c0173b2); stroke: var(--ink)", "stroke: var(--c332288)"]
    light, dark = style_of(colours).split("@media")
    for colour in ("#0173b2", "#332288"):
        assert f"--c{colour[1:]}:{legible(colour, LIGHT)};" in light
        assert f"--c{colour[1:]}:{legible(colour, DARK)};" in dark
    assert style_of(set()) == ""


def test_on_a_ground_of_its_own_only_ink_changes():
    element = ET.fromstring(f'<g><path style="fill: #fde725"/><path style="stroke: {INK}"/></g>')
    assert set_apart(element, only_ink=True) == set()
    assert [part.get("style") for part in element] == ["fill: #fde725", "stroke: var(--ink)"]
