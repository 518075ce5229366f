"""The pairs that halve an interval, so many do and one fewer do not, and the differences that pairs detect."""

import math

import numpy as np
import pytest
from scipy import stats
from small_frames import frame_of

from multirun_analysis.stats.power import pairs_to_halve, smallest_detectable
from multirun_analysis.stats.summary import summarise


@pytest.mark.parametrize("n", [2, 3, 4, 10, 100])
def test_the_pairs_that_halve_an_interval_are_the_fewest_that_do(n):
    def half(k):
        return stats.t.ppf(0.975, k - 1) / math.sqrt(k)

    pairs = pairs_to_halve(n)
    assert half(pairs) <= half(n) / 2 < half(pairs - 1)
    assert pairs_to_halve(1) is None
    assert 3.9 < pairs_to_halve(1000) / 1000 <= 4


def test_so_many_pairs_halve_the_interval_and_one_fewer_do_not():
    row = summarise(frame_of(*[(8, f"a{k}", f"b{k}", k) for k in range(5)]), ["width"], "value").iloc[0]
    n = int(row["pairs_to_halve"])
    half = lambda k: stats.t.ppf(0.975, k - 1) / np.sqrt(k)  # noqa: E731
    assert half(n) <= half(5) / 2 < half(n - 1)
    assert n == pairs_to_halve(5)
    assert np.isnan(
        summarise(frame_of((8, "a", "b", 1.0), (8, "a", "c", 2.0), (8, "b", "c", 3.0)), ["width"], "value").iloc[0]["pairs_to_halve"]
    )


@pytest.mark.parametrize("n", [2, 3, 4, 10, 100])
def test_a_difference_that_is_detectable_is_detected_four_times_in_five(n):
    (delta,) = smallest_detectable(np.array([n]), np.array([2.0]))
    limit = stats.t.ppf(0.975, n - 1)
    assert stats.nct.sf(limit, n - 1, delta * math.sqrt(n) / 2.0) == pytest.approx(0.8, abs=1e-4)


def test_simulated_pairs_detect_it_so_often_and_fewer_than_two_detect_nothing():
    rng, n = np.random.default_rng(0), 5
    detectable = smallest_detectable(np.array([1, n]), np.array([1.0, 1.0]))
    assert np.isnan(detectable[0])
    p = stats.ttest_1samp(rng.normal(detectable[1], 1.0, (4000, n)), 0.0, axis=1).pvalue
    assert abs(np.mean(p < 0.05) - 0.8) < 4 * math.sqrt(0.8 * 0.2 / 4000)
