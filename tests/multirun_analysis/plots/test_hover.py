"""The values on hover."""

import xml.etree.ElementTree as ET

from multirun_analysis import plots
from multirun_analysis.output.figures import figure_svg
from multirun_analysis.plots.hover import TIP, hover_svg


def test_every_marker_says_its_value(frames):
    figure = plots.choices()["barrier_vs_width"].draw(frames, "width", "matching")
    root = ET.fromstring(hover_svg(figure, figure_svg, "first"))
    tips = [element.get(TIP) for element in root.iter() if element.get(TIP)]
    assert "weights\nwidth: 16\ntest loss barrier [nats]: 0.04688" in tips  # 1.5 * 0.5 / 16
    assert len(tips) == 2 * 2 * 2 * 2  # cells, metrics, methods, widths
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert ids
    assert all(name.startswith("first-") for name in ids)
    assert all(element.get("{http://www.w3.org/1999/xlink}href", "#first-").startswith("#first-") for element in root.iter())
