"""A line for the means and a band for their interval, by value and not by the order of the rows."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from multirun_analysis.plots.lines import plot_bars, plot_line, plot_pairs


@pytest.fixture
def summary():
    return pd.DataFrame({"depth": [3, 1, 2], "mean": [0.3, 0.1, np.inf], "ci_low": [0.2, 0.05, np.nan], "ci_high": [0.4, 0.15, np.nan]})


def test_means_stand_in_the_order_of_the_key_and_what_cannot_be_drawn_is_a_gap(summary):
    ax = Figure().subplots()
    plot_line(summary, "depth", ax=ax, label="a method", color="red", linestyle=":")
    (line,) = ax.get_lines()
    np.testing.assert_array_equal(line.get_xydata(), [[1, 0.1], [2, np.nan], [3, 0.3]])
    assert (line.get_label(), line.get_color(), line.get_linestyle()) == ("a method", "red", ":")
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    assert {tuple(corner) for corner in corners} == {(1.0, 0.05), (1.0, 0.15)}
    assert {tuple(corner) for corner in band.get_paths()[1].vertices} == {(3.0, 0.2), (3.0, 0.4)}


def test_a_line_may_have_no_band(summary):
    ax = Figure().subplots()
    plot_line(summary, "depth", ax=ax, band=False)
    assert not ax.collections


def test_bars_stand_where_they_are_put_and_what_no_axis_can_show_is_left_out(summary):
    ax = Figure().subplots()
    plot_bars(summary["depth"] + 0.1, summary, ax=ax, label="one", colour="red", marker="o")
    plot_pairs([1.0, 2.0], [0.3, np.inf], ax=ax, colour="red", marker="o")
    means, pairs = ax.get_lines()
    np.testing.assert_allclose(means.get_xydata(), [[3.1, 0.3], [1.1, 0.1], [2.1, np.nan]])
    np.testing.assert_allclose(pairs.get_ydata(), [0.3, np.nan])
    (bars,) = ax.collections
    drawn = [segment for segment in bars.get_segments() if len(segment)]
    np.testing.assert_allclose(drawn[:2], [[[3.1, 0.2], [3.1, 0.4]], [[1.1, 0.05], [1.1, 0.15]]])
    assert not np.isfinite(np.concatenate(drawn[2:] or [np.full((1, 2), np.nan)])).all()
