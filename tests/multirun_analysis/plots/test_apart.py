"""A figure taken apart: all its panels at one scale, under the keys in which they differ, its legend entry by entry."""

import pytest
from matplotlib.figure import Figure

from multirun_analysis import plots
from multirun_analysis.plots.apart import NARROWEST, WIDEST, panels_of, take_apart
from multirun_analysis.plots.marks import mark_panel


@pytest.fixture
def figure(frames):
    return plots.choices()["interpolation_curves"].draw(frames, "width", "matching")


def test_panels_have_the_names_of_the_keys_in_which_they_differ_and_one_size(figure):
    parts = take_apart(figure, panels_of(figure))
    assert [panel.title for panel in parts.panels] == [f"optimizer.lr={rate}, width={width}" for rate in (0.05, 0.5) for width in (8, 16)]
    assert len({panel.corners for panel in parts.panels}) == 1
    assert all(NARROWEST - 1e-9 <= ax.get_position().width * figure.get_figwidth() <= WIDEST + 1e-9 for ax in figure.axes)
    assert not any(ax.get_title("left") for ax in figure.axes)


def test_the_legend_is_its_entries_and_the_sentence_above_it(figure):
    parts = take_apart(figure, panels_of(figure))
    assert [(entry.title, entry.values["matching"]) for entry in parts.entries] == [("identity", "identity"), ("weights", "weights")]
    assert parts.note.startswith("thin: pairs")
    tops = [entry.corners[1] for entry in parts.entries]
    assert tops == sorted(set(tops))  # under one another: none is drawn over another


def test_no_part_reaches_out_of_the_figure_where_markers_would_not_be_drawn(figure):
    parts = take_apart(figure, panels_of(figure))
    width, height = 72 * figure.get_size_inches()
    for left, top, across, down in (part.corners for part in (*parts.panels, *parts.entries)):
        assert left >= -2
        assert top >= -2
        assert left + across <= width + 2
        assert top + down <= height + 2


@pytest.mark.parametrize(("names", "angle"), [(["1", "2", "3"], 0), ([f"0.00000{k}" for k in range(9)], 60)])
def test_labels_of_ticks_that_would_touch_stand_aslant(names, angle):
    figure = Figure(figsize=(12, 3))
    ax = figure.subplots()
    ax.set_xticks(range(len(names)), names)
    mark_panel(ax, ["depth"], [1])
    take_apart(figure, [ax])
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {angle}


def test_a_figure_with_a_panel_that_the_page_does_not_know_stays_whole():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    mark_panel(left, ["depth"], [1])
    assert panels_of(figure) == []
    right.set_axis_off()
    assert panels_of(figure) == [left]
