"""The values on hover."""

import xml.etree.ElementTree as ET

from analysis_sweeps import REPAIRS, make_record

from multirun_analysis import plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.output.figures import figure_svg
from multirun_analysis.plots.hover import TIP, hover_svg
from multirun_analysis.tables.sweep import sweep_frames


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


def test_a_marker_in_a_row_says_which_row_it_is_in(write_sweep):
    frames = sweep_frames(find_sweep(write_sweep([make_record("a", barrier=0.1, repairs=REPAIRS)])), ["runs", "barrier_vs_width"])
    figure = plots.choices()["methods_and_repairs"].draw(frames, "width", "matching")
    tips = {element.get(TIP) for element in ET.fromstring(hover_svg(figure, figure_svg, "x")).iter() if element.get(TIP)}
    heights = {("none", "identity"): "1", ("none", "weights"): "0.1", ("reset", "identity"): "0.5", ("reset", "weights"): "0.05"}
    assert tips == {f"{repair}\n{method}\ntest loss barrier [nats]: {height}" for (repair, method), height in heights.items()}
