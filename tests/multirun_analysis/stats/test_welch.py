"""Welch's interval: SciPy's, none of a single value, a point where nothing varies."""

import numpy as np
import pytest
from scipy import stats

from multirun_analysis.stats.welch import welch


@pytest.mark.parametrize(("n", "m", "level"), [(2, 2, 0.95), (4, 4, 0.95), (3, 9, 0.8), (20, 5, 0.99)])
def test_the_interval_is_that_of_scipy(n, m, level):
    draws = np.random.default_rng(n)
    one, other = draws.normal(3.0, 2.0, n), draws.normal(1.0, 0.3, m)
    interval = stats.ttest_ind(one, other, equal_var=False).confidence_interval(level)
    np.testing.assert_allclose(welch(one, other, level), [interval.low, interval.high])


def test_samples_in_exchange_turn_the_interval_round():
    one, other = np.array([1.0, 2.0, 4.0]), np.array([0.0, 5.0])
    low, high = welch(one, other)
    assert welch(other, one) == pytest.approx((-high, -low))


def test_an_interval_needs_two_values_and_may_be_a_point():
    assert np.isnan(welch(np.array([1.0]), np.array([1.0, 2.0]))).all()
    assert welch(np.array([2.0, 2.0]), np.array([1.0, 1.0])) == (1.0, 1.0)
