"""Differences between methods on the same pairs."""

import numpy as np
import pytest

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
