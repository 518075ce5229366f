"""From many runs to conclusions: shares, paired differences, widths needed and power, against SciPy, by hand and by repeated sampling."""

import math

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import make_record
from scipy import stats

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.stats.crossings import Crossing, width_within
from multirun_analysis.stats.intervals import student_t
from multirun_analysis.stats.power import pairs_to_halve
from multirun_analysis.stats.shares import clopper_pearson, is_connected
from multirun_analysis.tables.connected_share import connected_share
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.width_needed import width_needed


@pytest.mark.parametrize(("k", "n"), [(0, 4), (1, 4), (4, 4), (3, 10), (17, 40)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_clopper_pearson_is_scipys(k, n, level):
    expected = stats.binomtest(k, n).proportion_ci(level, method="exact")
    np.testing.assert_allclose(clopper_pearson(k, n, level), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("n", [4, 12])
def test_clopper_pearson_covers_with_at_least_its_level(p, n):
    covers = [low <= p <= high for low, high in (clopper_pearson(k, n) for k in range(n + 1))]
    assert stats.binom.pmf(np.arange(n + 1), n, p)[covers].sum() >= 0.95


def test_no_trial_has_no_interval_and_a_barrier_at_the_tolerance_is_connected():
    assert np.isnan(clopper_pearson(0, 0)).all()
    np.testing.assert_array_equal(is_connected(np.array([0.0, 0.05, 0.0501]), 0.05), [True, True, False])


@pytest.mark.parametrize("n", [2, 3, 4, 10, 100])
def test_the_pairs_that_halve_an_interval_are_the_fewest_that_do(n):
    def half(k):
        return stats.t.ppf(0.975, k - 1) / math.sqrt(k)

    pairs = pairs_to_halve(n)
    assert half(pairs) <= half(n) / 2 < half(pairs - 1)
    assert pairs_to_halve(1) is None
    assert 3.9 < pairs_to_halve(1000) / 1000 <= 4


WIDTHS = np.array([8.0, 16.0, 32.0, 64.0])


@pytest.mark.parametrize(
    ("values", "tolerance", "expected"),
    [
        ([0.8, 0.4, 0.2, 0.1], 0.3, Crossing(2**4.5, "inside")),  # halfway from 0.4 to 0.2, so halfway from 16 to 32 in log width
        ([0.8, 0.4, 0.2, 0.1], 0.4, Crossing(16.0, "inside")),
        ([0.8, 0.4, 0.2, 0.1], 0.05, Crossing(64.0, "above")),
        ([0.8, 0.4, 0.2, 0.1], 0.9, Crossing(8.0, "below")),
        ([0.8, 0.1, 0.5, 0.1], 0.3, Crossing(2**5.5, "inside")),  # within it at 16, but not for good
        ([0.0, 0.0, 0.0, 0.2], 0.1, Crossing(64.0, "above")),
    ],
)
def test_the_width_from_which_on_a_curve_stays_within_a_tolerance(values, tolerance, expected):
    crossing = width_within(WIDTHS, np.array(values), tolerance)
    assert (crossing.side, crossing.width) == (expected.side, pytest.approx(expected.width))


@pytest.fixture
def runs(write_sweep):
    heights = {8: 0.4, 16: 0.04, 32: 0.004}
    records = [
        make_record(f"r{width}{seed}", width=width, seed=seed, barrier=h * (1 + 0.1 * (seed - 1.5)))
        for width, h in heights.items()
        for seed in range(4)
    ]
    return load_runs(write_sweep(records))


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


def test_the_width_needed_is_that_of_the_mean_with_the_widths_of_its_interval(runs):
    table = width_needed(barrier_vs_width(runs), {"loss_barrier": [0.1, 0.001, 10.0]})
    cell = table[(table["matching"] == "weights") & (table["split"] == "test")].set_index("tolerance")
    needed = cell.loc[0.1]
    assert needed["width_needed"] == pytest.approx(8 * 2 ** ((0.4 - 0.1) / (0.4 - 0.04)))
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
