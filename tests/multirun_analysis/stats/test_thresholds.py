"""A measured number that equals a threshold is at most that threshold, whatever its last bits are."""

import math

import pytest

from multirun_analysis.stats.thresholds import at_most
from multirun_analysis.tables.connected_share import TOLERANCES

LEVELS = [0.1 + 0.2, 0.3, *TOLERANCES["error_barrier"], *TOLERANCES["loss_barrier"]]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("ulps", [-3, -1, 0, 1, 3, 1000])
def test_rounding_decides_nothing(level, ulps):
    assert at_most(level + ulps * math.ulp(level), level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("examples", [360, 10_000, 1_000_000])
def test_the_next_larger_barrier_of_that_many_examples_is_above(level, examples):
    assert not at_most(level + 1 / (1000 * examples), level)  # also between the points of a line of 1,000
    assert at_most(level - 1 / (1000 * examples), level)


def test_every_barrier_of_the_error_that_equals_a_tolerance_is_connected():
    # errors are counts over examples, and the chord is a mean of two of them: what a job computes, in all its roundings
    n = 1000
    for tolerance in TOLERANCES["error_barrier"]:
        for a in range(0, 200, 2):
            b, high = 2 * (100 - a // 2), 100 + round(tolerance * n)  # the chord's middle is 100 / n
            for t in (0.5, 0.25):
                barrier = (high / n if t == 0.5 else ((1 - t) * a + t * b + tolerance * n) / n) - ((1 - t) * (a / n) + t * (b / n))
                assert at_most(barrier, tolerance), (tolerance, a, t, barrier)
