"""Connected shares of a sweep's pairs."""

import math

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import make_record
from many_cells import KEYS, runs_of

from multirun_analysis import load_runs
from multirun_analysis.stats.shares import clopper_pearson
from multirun_analysis.tables.connected_share import connected_share


def test_the_share_of_connected_pairs(runs):
    table = connected_share(runs, {"loss_barrier": [0.04]})
    cell = table[(table["matching"] == "weights") & (table["split"] == "test")]
    assert cell["width"].tolist() == [8, 16, 32]
    assert cell["n_connected"].tolist() == [0, 2, 4]  # at 16: 0.034, 0.038, 0.042, 0.046
    assert cell["share"].tolist() == [0.0, 0.5, 1.0]
    np.testing.assert_allclose(cell[["ci_low", "ci_high"]], [clopper_pearson(k, 4) for k in (0, 2, 4)])


def test_pairs_that_share_networks_are_no_independent_trials(write_sweep):
    table = connected_share(load_runs(write_sweep([make_record("r", networks=4)])), {"error_barrier": [0.5]})
    assert (table["n_pairs"] == 6).all()
    assert table["interval"].str.startswith("none").all()
    assert table["ci_low"].isna().all()


def test_a_barrier_that_is_not_finite_is_not_connected(runs):
    broken = runs.assign(loss_barrier=runs["loss_barrier"].where((runs["width"] != 32) | (runs["seed"] != 0)))
    table = connected_share(broken, {"loss_barrier": [0.04]})
    cell = table[(table["matching"] == "weights") & (table["split"] == "test") & (table["width"] == 32)].iloc[0]
    assert (cell["n_pairs"], cell["n_connected"]) == (4, 3)


@pytest.mark.parametrize(("barrier", "connected"), [(0.31 - 0.30, 1), (0.3 - 0.29, 1), (0.01001, 0), (0.0099, 1), (math.inf, 0)])
def test_the_share_counts_a_barrier_at_the_tolerance(write_sweep, barrier, connected):
    record = make_record("r")
    for row in record["runs"]:
        row["error_barrier"] = barrier
    table = connected_share(load_runs(write_sweep([record])), {"error_barrier": (0.01,)})
    assert set(table["n_connected"]) == {connected}


def test_the_share_of_every_cell_is_that_of_the_cell_alone():
    runs = runs_of()
    table = connected_share(runs)
    by = [*KEYS, "matching", "split", "width"]
    cells = {key: cell for key, cell in runs[runs["status"] == "ok"].groupby(by)}
    assert len(table) == len(cells) * 8  # tolerances
    for row in table.to_dict("records"):
        cell = cells[tuple(row[key] for key in by)]
        shared = pd.concat([cell["network_a"], cell["network_b"]]).duplicated().any()
        n, k = len(cell), int((cell[row["metric"]] <= row["tolerance"]).sum())
        assert (row["n_pairs"], row["n_connected"], row["share"]) == (n, k, k / n)
        expected = (np.nan, np.nan) if shared else clopper_pearson(k, n)
        np.testing.assert_array_equal([row["ci_low"], row["ci_high"]], expected)
        assert (row["interval"] == "none: pairs share networks") == shared
