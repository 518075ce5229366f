"""The look of every figure: one colour a method, true widths as ticks, units on the axes."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from multirun_analysis.plots.style import (
    COLOURS,
    LARGEST,
    METHODS,
    REPAIRS,
    aside,
    axis_label,
    drawable,
    figure_style,
    key_axis,
    method_look,
    repair_look,
    series_look,
)


def ticks(ax):
    return [(float(at), label.get_text()) for at, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)]


def test_a_method_looks_the_same_whatever_stands_beside_it_and_no_two_look_alike():
    methods = ["mine", "yours", *METHODS, "another"]
    looks = [method_look(method, methods) for method in methods]
    assert len(set(looks)) == len(methods)
    for method in METHODS:
        assert method_look(method, [method]) == looks[methods.index(method)]
    assert all(repair_look(repair, [repair]) == look for repair, look in REPAIRS.items())
    for looks in (METHODS, REPAIRS):  # in print, and to eyes of every kind
        assert len({marker for _, marker in looks.values()}) == len(looks)
        assert len({colour for colour, _ in looks.values()}) == len(looks)
    assert len({tuple(series_look(k).values()) for k in range(len(COLOURS))}) == len(COLOURS)


def test_the_style_holds_inside_its_block_only():
    before = dict(mpl.rcParams)
    with figure_style():
        assert mpl.rcParams["axes.spines.top"] is False
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("key", "values", "scale", "positions", "labels"),
    [
        ("width", [8, 24], "log", [8, 24], ["8", "24"]),
        ("optimizer.lr", [0.01, 0.1], "log", [0.01, 0.1], ["0.01", "0.1"]),
        ("depth", [1, 2, 3], "linear", [1, 2, 3], ["1", "2", "3"]),
        ("model.noise", [0.0, 1.0], "linear", [0, 1], ["0", "1"]),  # a zero has no logarithm
        ("matching", ["identity", "weights"], "linear", [0, 1], ["identity", "weights"]),
        ("model.bias", [False, True], "linear", [0, 1], ["False", "True"]),
        ("depth", [2], "linear", [2], ["2"]),
    ],
)
def test_the_axis_of_a_key_has_its_values_as_ticks(key, values, scale, positions, labels):
    ax = Figure().subplots()
    assert key_axis(ax, key, values) == positions
    assert ax.get_xscale() == scale
    assert ticks(ax) == list(zip(positions, labels, strict=True))
    assert ax.get_xlabel() == ("width [neurons per hidden layer]" if key == "width" else key)
    low, high = ax.get_xlim()
    assert len(values) > 1 or low < positions[0] < high


def test_what_no_axis_can_show_is_a_gap():
    np.testing.assert_array_equal(drawable([1.0, np.inf, -np.inf, np.nan, LARGEST, -2]), [1.0, *[np.nan] * 4, -2.0])


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_lines_stand_aside_by_equal_steps_around_their_position(scale):
    ax = Figure().subplots()
    ax.set_xscale(scale)
    position = np.log if scale == "log" else np.asarray
    moved = np.array([position(aside(ax, [8, 16, 32], k, 3)) for k in range(3)])
    np.testing.assert_allclose(moved[1], position([8, 16, 32]))
    np.testing.assert_allclose(np.diff(moved, axis=0), 0.05 * (np.log(2) if scale == "log" else 8))
    np.testing.assert_allclose(aside(ax, [8], 0, 1), [8])


def test_labels_have_their_units():
    assert axis_label("loss_barrier_mean", "train") == "train loss barrier mean [nats]"
    assert axis_label("error_midpoint", "test") == "test error midpoint [fraction]"
