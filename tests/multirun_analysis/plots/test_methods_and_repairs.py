"""Methods and repairs beside one another: what the artists hold, and where the figure is drawn."""

import numpy as np
import pytest
from analysis_sweeps import HEIGHTS, REPAIRS, labelled, make_record

from multirun_analysis import plots
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.plots.methods_and_repairs import plot_methods_and_repairs
from multirun_analysis.tables.sweep import sweep_frames

METHODS = ["identity", "weights"]
draw = plots.choices()["methods_and_repairs"].draw


def frames_of(folder):
    return sweep_frames(find_sweep(folder), ["runs", "barrier_vs_width"])


@pytest.fixture
def repaired_frames(write_sweep):
    """Return the frames of five widths, four pairs each, with two repairs."""
    records = [
        make_record(f"r{w}{k}", width=w, seed=k, barrier=(1 + 0.1 * k) / w, repairs=REPAIRS) for w in (4, 8, 16, 32, 64) for k in range(4)
    ]
    return frames_of(write_sweep(records))


def test_a_repair_is_a_series_with_a_row_for_every_method(repaired_frames):
    table = repaired_frames["barrier_vs_width"].query("width == 8 and split == 'test' and metric == 'loss_barrier'")
    runs = repaired_frames["runs"].query("width == 8 and split == 'test'")
    ax = plot_methods_and_repairs(table, runs, METHODS)
    means = labelled(ax)
    assert set(means) == set(REPAIRS)
    for repair, line in means.items():
        np.testing.assert_allclose(line.get_xdata(), np.array([10, 1]) * 1.15 / 8 * HEIGHTS[repair])
        assert [round(height) for height in line.get_ydata()] == [0, 1]
    assert (means["none"].get_ydata() < means["reset"].get_ydata()).all()  # the axis points down
    assert len({line.get_marker() for line in means.values()}) == 2
    points = [line for line in ax.get_lines() if line not in means.values() and line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in points) == len(runs)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == METHODS


def test_of_many_widths_three_are_shown_which_the_figure_says(repaired_frames):
    figure = draw(repaired_frames, "width", "matching")
    assert [ax.get_title(loc="left").strip() for ax in figure.axes] == ["width 4", "width 16", "width 64"]
    (legend,) = figure.legends
    assert "panels of width: 3 of 5, the first, the middle one and the last" in legend.get_title().get_text()
    assert [text.get_text() for text in legend.get_texts()] == list(REPAIRS)


def test_one_method_without_repair_is_seen_in_other_figures(write_sweep):
    assert draw(frames_of(write_sweep([make_record("a")])), "width", "matching") is None


def test_methods_have_their_own_looks_where_there_is_one_repair(write_sweep):
    record = make_record("a")
    more = [row | {"matching": "rebasin"} for row in record["runs"] if row["matching"] == "weights"]
    record |= {"runs": [*record["runs"], *more], "matching": [*record["matching"], record["matching"][1] | {"matching": "rebasin"}]}
    figure = draw(frames_of(write_sweep([record])), "matching", "width")  # methods are rows, whatever the axis of other figures
    (ax,) = figure.axes
    assert set(labelled(ax)) == {"identity", "weights", "rebasin"}
    assert not figure.legends[0].get_texts()


def test_a_barrier_of_zero_lies_on_the_axis(write_sweep):
    records = [make_record(f"r{k}", seed=k, barrier=0.0, repairs=REPAIRS) for k in range(2)]
    figure = draw(frames_of(write_sweep(records)), "width", "matching")
    (ax,) = figure.axes
    low, high = ax.get_xlim()
    assert low <= 0 < high
