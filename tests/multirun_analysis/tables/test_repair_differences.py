"""Differences between repairs on the same pairs, under the same method."""

import numpy as np
import pytest
import scipy.stats
from analysis_sweeps import HEIGHTS, REPAIRS, make_record

from multirun_analysis import load_runs
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.repair_differences import repair_differences

BARRIERS = 0.4 * (1 + 0.1 * np.arange(25))


@pytest.fixture
def runs(write_sweep):
    return load_runs(write_sweep([make_record(f"r{k}", seed=k, barrier=height, repairs=REPAIRS) for k, height in enumerate(BARRIERS)]))


def test_repairs_are_compared_on_the_same_pairs_under_the_same_method(runs):
    table = repair_differences(runs)
    assert list(table.columns[:4]) == ["dataset", "model", "depth", "width"]
    assert set(zip(table["repair"], table["other"], strict=True)) == {("reset", "none")}
    for method, scale in (("identity", 10), ("weights", 1)):
        row = table.query(f"matching == {method!r} and split == 'test' and metric == 'loss_barrier'").iloc[0]
        differences = scale * BARRIERS * (HEIGHTS["reset"] - 1)
        expected = scipy.stats.t.interval(0.95, 24, differences.mean(), differences.std(ddof=1) / 5)
        assert (row["n_pairs"], row["better"], row["n_comparisons"]) == (25, "reset", 1)
        np.testing.assert_allclose(row[["mean", "ci_low", "ci_high"]].astype(float), [differences.mean(), *expected])


def test_a_sweep_with_one_repair_has_no_row_and_the_same_columns(runs):
    one = repair_differences(runs[runs["repair"] == "none"])
    assert one.empty
    assert list(one.columns) == list(repair_differences(runs).columns)


def test_a_pair_that_one_side_lacks_is_not_compared(runs):
    lost = (runs["repair"] == "reset") & (runs["seed"] < 3)
    assert set(repair_differences(runs[~lost])["n_pairs"]) == {22}


def test_differences_between_repairs_and_methods_close_a_square(runs):
    # none to reset under identity, then identity to weights under reset; and the other way round
    repairs, methods = repair_differences(runs), method_differences(runs)
    of_test = "split == 'test' and metric == 'loss_barrier'"
    between_repairs = repairs.query(of_test).set_index("matching")["mean"]
    between_methods = methods.query(of_test).set_index("repair")["mean"]
    first, second = between_methods["reset"] - between_repairs["identity"], between_methods["none"] - between_repairs["weights"]
    assert first == pytest.approx(second)


@pytest.mark.parametrize("kind", ["t", "bootstrap", "bca"])
def test_corrected_intervals_are_those_of_the_corrected_level(runs, kind):
    three = runs.copy()
    third = runs[runs["repair"] == "reset"].assign(repair="rescale")
    third["loss_barrier"] *= 1.0 + 0.01 * (third["seed"] % 3)
    three = type(runs)({name: [*three[name], *third[name]] for name in runs})
    choice = IntervalChoice(kind=kind, level=0.9, resamples=500)
    table = repair_differences(three, choice).query("metric == 'loss_barrier'").reset_index(drop=True)
    assert (table["n_comparisons"] == 3).all()
    at_level = repair_differences(three, IntervalChoice(kind=kind, level=1 - 0.1 / 3, resamples=500)).query("metric == 'loss_barrier'")
    for end in ("ci_low", "ci_high"):
        np.testing.assert_allclose(table[f"{end}_corrected"], at_level[end])
    assert (table["ci_low_corrected"] <= table["ci_low"]).all()
    assert (table["ci_high_corrected"] >= table["ci_high"]).all()
