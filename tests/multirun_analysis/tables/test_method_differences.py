"""Differences between methods on the same pairs."""

import numpy as np
import pytest
from many_cells import KEYS, runs_of, summary_of_each

from multirun_analysis.stats.intervals import student_t
from multirun_analysis.tables.method_differences import method_differences


def test_methods_are_compared_on_the_same_pairs(runs):
    table = method_differences(runs)
    row = table[(table["width"] == 8) & (table["split"] == "test") & (table["metric"] == "loss_barrier")].iloc[0]
    assert (row["method"], row["other"], row["better"], row["n_pairs"]) == ("identity", "weights", "weights", 4)
    differences = 9 * 0.4 * (1 + 0.1 * (np.arange(4) - 1.5))  # identity is ten times as high on every pair
    assert row["mean"] == pytest.approx(differences.mean())
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], student_t(differences))


def test_a_difference_that_is_smaller_than_its_spread_is_undecided(runs):
    values = runs["loss_barrier"].copy()
    weights = runs["matching"] == "weights"
    shift = runs["seed"].map({0: -0.1, 1: 0.1, 2: -0.12, 3: 0.12})
    changed = runs.assign(loss_barrier=values.where(weights, values / 10 + shift))
    table = method_differences(changed)
    assert (table.loc[table["metric"] == "loss_barrier", "better"] == "undecided").all()


def test_the_difference_of_every_cell_is_that_of_its_pairs():
    runs = runs_of()
    differences = method_differences(runs)
    assert set(zip(differences["method"], differences["other"], strict=True)) == {("identity", "weights")}
    by = [*KEYS, "width", "split"]
    measured = runs[runs["status"] == "ok"].set_index([*by, "network_a", "network_b"])
    for metric in ("loss_barrier", "error_barrier"):
        two = [measured.loc[measured["matching"] == method, metric] for method in ("identity", "weights")]
        expected = summary_of_each((two[0] - two[1]).rename("value").reset_index(), by, "value")
        expected = expected[expected["n_pairs"] > 0].sort_values(by, ignore_index=True)
        part = differences[differences["metric"] == metric].reset_index(drop=True)
        assert list(part["interval"]) == list(expected["interval"])
        names = ["n_pairs", "n_networks", "mean", "std", "ci_low", "ci_high", "median", "min", "max"]
        np.testing.assert_allclose(part[names], expected[names], rtol=1e-12)
