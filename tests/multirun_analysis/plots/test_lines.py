"""A line for the means and a band for their interval, by value and not by the order of the rows."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from multirun_analysis.plots.lines import plot_line


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
