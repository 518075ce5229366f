"""Shares of connected pairs: Clopper-Pearson's interval is SciPy's, and covers."""

import numpy as np
import pytest
from scipy import stats

from multirun_analysis.stats.shares import clopper_pearson, is_connected


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


def test_the_exact_interval_of_many_counts_is_scipys():
    k, n = np.array([0, 0, 3, 7, 7, 1]), np.array([0, 5, 10, 7, 20, 1])
    low, high = clopper_pearson(k, n)
    for index in range(1, len(k)):
        expected = stats.binomtest(int(k[index]), int(n[index])).proportion_ci(0.95, "exact")
        np.testing.assert_allclose([low[index], high[index]], [expected.low, expected.high], rtol=1e-10)
        assert clopper_pearson(int(k[index]), int(n[index])) == (low[index], high[index])
    assert np.isnan([low[0], high[0]]).all()
