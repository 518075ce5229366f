"""What a coarse grid of t misses, on lines whose maxima are known."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.grid import FINE, table_of

T = np.linspace(0, 1, FINE)


def lines(**curves):
    """Return rows of curves.csv of one width: a job for each curve of losses, whose errors are its halves."""
    parts = [
        pd.DataFrame({"run_id": name, "matching": "weights", "width": 16, "t": T, "loss": loss, "error": loss / 2})
        for name, loss in curves.items()
    ]
    return pd.concat(parts).sample(frac=1, random_state=0)  # in any order


def test_a_peak_between_the_points_is_missed_by_what_it_is_higher():
    tents = {f"r{k}": np.maximum(0, 1 - np.abs(T - peak) * 20) for k, peak in enumerate((0.5, 0.525))}  # the second between both grids
    table = table_of(lines(**tents)).set_index(["measure", "points"])
    expected = {11: 0.5, 25: 1 - (1 - 20 * abs(13 / 24 - 0.525))}
    for points, gap in expected.items():
        row = table.loc[("loss", points)]
        assert row[["most_missed", "most_share"]].tolist() == pytest.approx([gap, gap])
        assert row[["mean_missed", "median_share"]].tolist() == pytest.approx([gap / 2, gap / 2])
        assert row["mean_barrier"] == pytest.approx(1)
        assert table.loc[("error", points), "most_missed"] == pytest.approx(gap / 2)


def test_barriers_are_above_the_straight_line_between_the_ends_and_those_of_0_have_no_share():
    table = table_of(lines(straight=1 + 2 * T, sagging=1 + 2 * T - T * (1 - T), bent=3 + T + T * (1 - T))).set_index(["measure", "points"])
    assert (table["lines"] == 1).all()
    assert table.loc[("loss", 25), "mean_barrier"] == pytest.approx(0.25 / 3)
    assert table["most_missed"].max() == pytest.approx(0, abs=1e-12)  # the highest point is t = 1/2, which all grids have


def test_lines_at_other_values_of_t_are_refused():
    with pytest.raises(ValueError, match=r"a line must have 1201 values of t, got 601\."):
        table_of(lines(r=T).sort_values("t")[::2])
