"""Differences between methods on the same pairs."""

import numpy as np
import pytest
import scipy.stats
from analysis_sweeps import REPAIRS, make_record, measures
from many_cells import KEYS, runs_of, summary_of_each

from multirun_analysis import load_runs
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


def test_a_family_is_the_comparisons_of_one_cell_width_split_and_metric(write_sweep):
    records = [
        of_three_methods(make_record(f"r{w}{s}", width=w, seed=s, barrier=0.1 + 0.02 * s, repairs=REPAIRS))
        for w in (8, 16)
        for s in range(4)
    ]
    runs = load_runs(write_sweep(records))
    table = method_differences(runs)
    assert len(table) == 2 * 2 * 2 * 4 * 3  # widths, repairs, splits, metrics, comparisons
    assert (table["n_comparisons"] == 3).all()
    assert set(table["repair"]) == set(REPAIRS)
    row = table.query("width == 8 and repair == 'reset' and split == 'test' and metric == 'loss_barrier' and other == 'rebasin'").iloc[1]
    assert (row["method"], row["other"]) == ("weights", "rebasin")
    values = 0.5 * (0.1 + 0.02 * np.arange(4))  # reset halves barriers; rebasin has 0.9 of them, and a little more every other time
    differences = values - (0.9 * values + 0.001 * (np.arange(4) % 2))
    for level, low, high in ((0.95, "ci_low", "ci_high"), (1 - 0.05 / 3, "ci_low_corrected", "ci_high_corrected")):
        expected = scipy.stats.t.interval(level, 3, differences.mean(), differences.std(ddof=1) / 2)
        np.testing.assert_allclose([row[low], row[high]], expected)
    assert row["better_corrected"] == ("rebasin" if row["ci_low_corrected"] > 0 else "undecided")


def of_three_methods(record):
    """Return a record with a third method, whose barriers are 0.9 of those of weights, and in every other job a little higher."""
    entry = {"matching": "rebasin", "settings_hash": "r0"}
    rows = [row | entry for row in record["runs"] if row["matching"] == "weights"]
    offset = 0.001 * (record["scope"]["seed"] % 2)
    rows = [row | measures(0.9 * row["loss_barrier"] + offset) for row in rows]
    return record | {"runs": [*record["runs"], *rows], "matching": [*record["matching"], entry | {"settings": {}}]}


def test_one_comparison_needs_no_correction(runs):
    table = method_differences(runs)
    assert (table["n_comparisons"] == 1).all()
    for name in ("ci_low", "ci_high", "better"):
        np.testing.assert_array_equal(table[name], table[f"{name}_corrected"])


def test_measures_that_no_run_has_are_not_compared_and_others_are(runs):
    assert set(method_differences(runs)["metric"]) == {"loss_barrier", "error_barrier", "loss_midpoint", "error_midpoint"}
    calibrated = runs.assign(loss_barrier_calibrated=runs["loss_barrier"].where(runs["split"] == "test") / 2)
    table = method_differences(calibrated)
    half = table[table["metric"] == "loss_barrier_calibrated"]
    whole = table[(table["metric"] == "loss_barrier") & (table["split"] == "test")]
    assert set(half["split"]) == {"test"}
    np.testing.assert_allclose(half["mean"], whole["mean"] / 2)


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
