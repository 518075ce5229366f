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
    barrier_axis,
    drawable,
    figure_style,
    key_axis,
    key_look,
    method_look,
    plain_log_axis,
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


def test_a_method_keeps_its_colour_with_settings_and_numbers_are_shades_in_their_order():
    names = ["identity", "weights[biases=true]", "weights[biases=false]", "activations", "weights[outgoing=true]"]
    looks = [method_look(name, names) for name in names]
    assert looks[1] == METHODS["weights"]
    assert looks[3] == METHODS["activations"]
    assert len({colour for colour, _ in looks}) == len({marker for _, marker in looks}) == len(names)
    hues = [mpl.colors.rgb_to_hsv(mpl.colors.to_rgb(looks[k][0]))[0] for k in (1, 2, 4)]
    np.testing.assert_allclose(hues, hues[0], atol=0.06)  # shades of one colour
    rates = ["0.1", "0.025", "0.05"]
    brightness = [sum(mpl.colors.to_rgb(key_look("optimizer.lr", rate, rates)[0])) for rate in sorted(rates, key=float)]
    assert brightness == sorted(brightness, reverse=True)
    assert key_look("matching", "weights", ["weights", "identity"]) == METHODS["weights"]


def test_logarithmic_ticks_are_plain_numbers_that_do_not_overlap():
    figure = Figure()
    for limits in ((1.2, 4.5), (0.02, 30.0), (1e-6, 1e6)):
        ax = figure.subplots()
        plain_log_axis(ax)
        ax.set_xlim(*limits)
        figure.canvas.draw()
        shown = [
            label for label in ax.get_xticklabels(which="both") if label.get_text() and limits[0] <= label.get_position()[0] <= limits[1]
        ]
        assert len(shown) >= 2
        assert [float(label.get_text()) for label in shown] == pytest.approx([label.get_position()[0] for label in shown])
        boxes = sorted(label.get_window_extent().x0 for label in shown)
        widths = {label.get_window_extent().x0: label.get_window_extent().width for label in shown}
        assert all(right - left > widths[left] for left, right in zip(boxes[:-1], boxes[1:], strict=True))
        figure.clear()


def test_the_place_where_a_scale_changes_is_marked():
    for axis in ("x", "y"):
        ax = Figure().subplots()
        barrier_axis(ax, np.array([0.004, 0.2]), np.array([0.0, 0.3]), axis)
        (mark,) = ax.texts
        assert mark.get_position()[axis == "y"] == pytest.approx(0.001)
        plain = Figure().subplots()
        barrier_axis(plain, np.zeros(2), np.zeros(2), axis)
        assert not plain.texts


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
        ("optimizer.lr", [0.025, 0.05, 0.1], "log", [0.025, 0.05, 0.1], ["0.025", "0.05", "0.1"]),
        ("optimizer.weight_decay", [0.0, 0.001, 0.1], "symlog", [0, 0.001, 0.1], ["0", "0.001", "0.1"]),
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
