"""Intervals of lognormal values: SciPy on logs, identities, and how often they hold the truth."""

import numpy as np
import pytest
from scipy import stats

from multirun_analysis.stats.lognormal import cox_t, geometric_mean_t


def test_the_geometric_mean_has_scipys_interval_of_the_logs():
    values = np.random.default_rng(0).lognormal(size=6)
    logs = np.log(values)
    np.testing.assert_allclose(geometric_mean_t(values, 0.9), np.exp(stats.t.interval(0.9, 5, logs.mean(), stats.sem(logs))), rtol=1e-12)


def test_coxs_interval_is_centred_on_the_mean_that_logs_imply_and_scales_with_units():
    values = np.random.default_rng(1).lognormal(size=6)
    low, high = cox_t(values)
    logs = np.log(values)
    assert np.log(low * high) / 2 == pytest.approx(logs.mean() + logs.var(ddof=1) / 2, rel=1e-12)
    np.testing.assert_allclose(cox_t(7 * values), (7 * low, 7 * high), rtol=1e-12)


def test_both_hold_what_they_are_for():
    rng, hits = np.random.default_rng(2), []
    for _ in range(2000):
        values = rng.lognormal(-0.32, 0.8, 4)
        ends = (cox_t(values), 1.0), (geometric_mean_t(values), np.exp(-0.32))
        hits.append([low <= truth <= high for (low, high), truth in ends])
    cox, geometric = np.mean(hits, axis=0)
    assert 0.92 < cox < 0.955
    assert abs(geometric - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 2000)  # exact: four standard errors


@pytest.mark.parametrize("values", [[], [1.0], [0.0, 1.0, 2.0], [-1.0, 1.0]])
def test_what_has_no_logarithm_has_no_interval(values):
    assert np.isnan([*cox_t(values), *geometric_mean_t(values)]).all()
