"""The pairs that halve an interval: so many do, and one fewer do not."""

import math

import numpy as np
import pytest
from scipy import stats
from small_frames import frame_of

from multirun_analysis.stats.power import pairs_to_halve
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
