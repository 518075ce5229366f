"""The width needed, of the mean and of the ends of its interval."""

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import make_record
from many_cells import KEYS, runs_of

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.stats.crossings import width_within
from multirun_analysis.tables.width_needed import width_needed


def test_the_width_needed_is_that_of_the_mean_with_the_widths_of_its_interval(runs):
    table = width_needed(barrier_vs_width(runs), {"loss_barrier": [0.1, 0.001, 10.0]})
    cell = table[(table["matching"] == "weights") & (table["split"] == "test")].set_index("tolerance")
    needed = cell.loc[0.1]
    assert needed["width_needed"] == pytest.approx(8 * 2 ** (np.log(0.4 / 0.1) / np.log(0.4 / 0.04)))
    assert needed["width_low"] < needed["width_needed"] < needed["width_high"]
    assert needed["text"] == f"{needed['width_needed']:.0f} [{needed['width_low']:.0f}, {needed['width_high']:.0f}]"
    assert cell.loc[0.001, "text"] == "> 32 [> 32, > 32]"
    assert cell.loc[10.0, "text"] == "<= 8 [<= 8, <= 8]"
    assert cell.loc[[0.001, 10.0], "width_needed"].isna().all()


def test_one_pair_gives_a_width_without_an_interval(write_sweep):
    records = [make_record(f"r{width}", width=width, barrier=1 / width) for width in (8, 32)]
    table = width_needed(barrier_vs_width(load_runs(write_sweep(records))), {"loss_barrier": [0.1]})
    cell = table[(table["matching"] == "weights") & (table["split"] == "test")].iloc[0]
    assert cell["text"] == f"{cell['width_needed']:.0f}"
    assert pd.isna(cell["width_low"])


def test_the_width_needed_is_reached_where_the_mean_equals_the_tolerance():
    widths, tolerance = np.array([8.0, 16.0, 32.0]), 0.31 - 0.30  # above 0.01 by its last bits
    crossing = width_within(widths, np.array([0.5, tolerance, 0.001]), 0.01)
    assert (crossing.side, crossing.width) == ("inside", pytest.approx(16.0))
    assert width_within(widths, np.array([tolerance, tolerance, tolerance]), 0.01).side == "below"


def test_the_width_needed_of_every_cell_is_that_of_its_means():
    table = barrier_vs_width(runs_of())
    needed = width_needed(table)
    for row in needed.to_dict("records"):
        of_cell = (
            table[[*KEYS, "matching", "split", "metric"]] == pd.Series({k: row[k] for k in (*KEYS, "matching", "split", "metric")})
        ).all(axis=1)
        cell = table[of_cell & table["mean"].notna()].sort_values("width")
        crossing = width_within(cell["width"].to_numpy(dtype=float), cell["mean"].to_numpy(), row["tolerance"])
        np.testing.assert_array_equal(row["width_needed"], crossing.width if crossing.side == "inside" else np.nan)
        assert row["n_widths"] == len(cell)
        assert ("[" in row["text"]) == cell["ci_low"].notna().all()
