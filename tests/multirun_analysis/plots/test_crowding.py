"""Letters without room: labels of ticks are set aslant where they would touch, and what overlaps or is cut off is told of."""

import pytest
from matplotlib.figure import Figure

from multirun_analysis.plots.crowding import SLANT, crowding, set_aslant


def figure_of(inches, labels, **settings):
    figure = Figure(figsize=(inches, 2.0), **settings)
    ax = figure.subplots()
    ax.set_xticks(range(len(labels)), labels)
    return figure, ax


@pytest.mark.parametrize(("inches", "rotation"), [(8.0, 0), (2.0, SLANT)])
def test_labels_of_ticks_stand_aslant_where_they_would_touch(inches, rotation):
    figure, ax = figure_of(inches, ["128", "256", "512", "1024"] * 2, layout="constrained")
    set_aslant(figure, [ax])
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {rotation}
    assert crowding(figure) == ""


def test_letters_that_overlap_or_are_cut_off_are_told_of():
    figure, ax = figure_of(4.0, ["8", "16"], layout="constrained")
    assert crowding(figure) == ""
    ax.set_ylabel("a label that is longer than the panel is high")
    assert crowding(figure) == "letters are cut off"
    ax.set_ylabel("")
    for x in (0.5, 0.51):
        ax.text(x, 0.5, "0.071")
    assert crowding(figure) == "letters overlap"


@pytest.mark.parametrize(
    "hide", [lambda text: text.set_visible(False), lambda text: text.set_in_layout(False), lambda text: text.set_text(" ")]
)
def test_letters_that_are_not_seen_or_take_no_room_do_not_count(hide):
    figure, ax = figure_of(4.0, [])
    ax.text(0.5, 0.5, "0.071")
    second = ax.text(0.5, 0.5, "0.071")
    assert crowding(figure)
    hide(second)
    assert crowding(figure) == ""
