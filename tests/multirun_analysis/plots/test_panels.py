"""Rows of panels: their titles, the one legend of all, and what a figure leaves out it says."""

from itertools import pairwise

import pytest
from analysis_sweeps import make_record
from matplotlib.figure import Figure

from multirun_analysis import plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.plots.panels import label_first, legend_of_all, panel_rows, row_title
from multirun_analysis.plots.style import figure_style, plain_log_axis
from multirun_analysis.tables.sweep import sweep_frames


def test_panels_are_of_one_size_however_many_they_are():
    figure, axes = panel_rows(3, 2, (2.0, 1.0), share_x=True)
    assert axes.shape == (3, 2)
    assert figure.get_size_inches().tolist() == [4.0, 3.6]
    axes[0][0].set_xlim(0, 7)
    assert axes[2][1].get_xlim() == (0, 7)


def test_the_title_of_a_row_is_its_cell_without_absent_values_in_lines_that_fit_above_the_title_of_the_panel():
    _, axes = panel_rows(1, 1, (4.0, 2.0))
    row_title(axes[0][0], ["dataset", "model.noise", "optimizer.lr"], ["digits", "-", 0.026000000000000002], "identity")
    (title,) = axes[0][0].texts
    assert title.get_text() == "dataset=digits, optimizer.lr=0.026"
    assert axes[0][0].get_title(loc="left") == "\nidentity"  # with room for the line above it
    row_title(axes[0][0], ["a"] * 5, ["x" * 20] * 5, "identity")
    lines = axes[0][0].texts[1].get_text().split("\n")
    assert " ".join(lines) == ", ".join([f"a={'x' * 20}"] * 5)
    assert max(map(len, lines)) <= 45  # of three inches
    assert axes[0][0].get_title(loc="left") == "\n" * len(lines) + "identity"


def test_one_legend_has_what_any_panel_shows_in_the_usual_order_of_methods():
    for methods, labels in ((True, ["identity", "weights", "mine"]), (False, ["mine", "weights", "identity"])):
        figure, axes = panel_rows(1, 2)
        for ax, names in zip(axes.flat, (("mine", "weights"), ("weights", "identity")), strict=True):
            for name in names:
                ax.plot([0, 1], label=name)
        legend_of_all(figure, axes.flat, "title", "", "rows: the first 2 of 3", "layers: the first 1 of 2", methods=methods)
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == labels
        assert legend.get_title().get_text() == "title\nrows: the first 2 of 3; layers: the first 1 of 2"


def frames_of(write_sweep, rates: int, widths: int, layers: int):
    """Return the frames of a sweep of so many learning rates and widths, each a cell and a panel."""
    records = []
    for k in range(rates):
        for w in range(widths):
            record = make_record(f"r{k:02}{w:02}", width=2 ** (w + 3), barrier=0.1 / (w + 1), **{"optimizer.lr": 0.1 * (k + 1)})
            (one,) = record["layers"]
            record["layers"] = [one | {"layer": layer + 1} for layer in range(layers)]
            records.append(record)
    sweep = find_sweep([write_sweep(records)])
    return sweep_frames(sweep, ["runs", "curves", "barrier_vs_width", "connected_share", "matching_costs"])


def text_of(figure: Figure) -> str:
    """Return the titles of the legends of a figure."""
    return "\n".join(legend.get_title().get_text() for legend in figure.legends)


@pytest.mark.parametrize(
    ("name", "rates", "widths", "layers", "sentence"),
    [
        ("interpolation_curves", 5, 2, 1, "rows: the first 4 of 5"),
        ("interpolation_curves", 1, 9, 1, "panels of width: 8 of 9, evenly chosen"),
        ("interpolation_curves", 40, 1, 1, "rows: the first 2 of 40"),
        ("barrier_vs_width", 9, 2, 1, "rows: the first 8 of 9"),
        ("barrier_vs_width", 33, 2, 1, "rows: the first 2 of 33"),
        ("connected_share", 9, 2, 1, "rows: the first 8 of 9"),
        ("matching_cost", 7, 2, 1, "rows: the first 6 of 7"),
        ("matching_cost", 1, 2, 8, "layers: the first 6 of 8"),
    ],
)
def test_a_figure_that_shows_some_of_its_rows_or_panels_says_so(write_sweep, name, rates, widths, layers, sentence):
    figure = plots.choices()[name].draw(frames_of(write_sweep, rates, widths, layers), "width", "matching")
    assert sentence in text_of(figure)


@pytest.mark.parametrize("name", ["interpolation_curves", "barrier_vs_width", "connected_share", "matching_cost"])
def test_a_figure_that_shows_all_says_nothing_of_it(write_sweep, name):
    sentence = text_of(plots.choices()[name].draw(frames_of(write_sweep, 2, 2, 1), "width", "matching"))
    assert "rows:" not in sentence
    assert "panels of" not in sentence
    assert "layers:" not in sentence


@pytest.mark.parametrize("length", [3, 20, 60])
@pytest.mark.parametrize("size", [(2.0, 3.0), (5.6, 3.2)])
def test_a_legend_is_no_wider_than_its_figure(size, length):
    figure, axes = panel_rows(1, 1, size)
    with figure_style():
        for k in range(7):
            axes[0, 0].plot([0, 1], label=f"{k}{'m' * length}"[:length])
        legend_of_all(figure, axes.flat, "", methods=False)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert len(legend.texts) == 7
    assert legend.get_window_extent().width <= figure.bbox.width or legend._ncols == 1


def test_the_numbers_of_a_row_stand_at_the_first_panel_that_is_drawn():
    figure, axes = panel_rows(2, 3, share_y="row")
    axes[0, 0].set_axis_off()
    for row in axes:
        label_first(row, "loss")
    figure.draw_without_rendering()
    drawn = [[ax.axison and any(tick.label1.get_visible() for tick in ax.yaxis.get_major_ticks()) for ax in row] for row in axes]
    labelled = [[ax.get_ylabel() == "loss" for ax in row] for row in axes]
    assert drawn == labelled == [[False, True, False], [True, False, False]]


@pytest.mark.parametrize("inches", [2.6, 5.6])
@pytest.mark.parametrize("decades", [0.36, 0.5, 1.0, 1.6, 2.3, 3.0, 6.0])
def test_numbers_of_a_logarithmic_axis_do_not_overlap_and_are_two_at_least(inches, decades):
    figure, axes = panel_rows(1, 1, (inches, 3.0))
    with figure_style():
        plain_log_axis(axes[0, 0])
        axes[0, 0].set_xlim(0.0025, 0.0025 * 10**decades)
    figure.draw_without_rendering()
    low, high = axes[0, 0].get_xlim()
    labels = [tick.label1.get_window_extent() for tick in axes[0, 0].xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert len(labels) >= (2 if decades >= 0.5 else 1)
    assert all(left.x1 < right.x0 for left, right in pairwise(labels))
