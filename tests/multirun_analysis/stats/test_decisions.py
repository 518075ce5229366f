"""Decisions on several differences: p-values against SciPy and against intervals, Holm's correction by hand and by simulation."""

import numpy as np
import pytest
from scipy import stats

from multirun_analysis.stats.decisions import error_over_networks, holm, two_sided_p
from multirun_analysis.stats.intervals import job_means_t, network_jackknife


def of_one_family(*p: float) -> np.ndarray:
    return holm(np.array(p), np.zeros(len(p), dtype=int))


def test_p_values_are_scipys():
    values = np.random.default_rng(0).normal(0.3, 1.0, (6, 5))
    p = two_sided_p(values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(5), 4)
    np.testing.assert_allclose(p, stats.ttest_1samp(values, 0.0, axis=1).pvalue, rtol=1e-10)


def test_ties_decide_nothing_and_one_pair_has_no_p():
    np.testing.assert_array_equal(two_sided_p(np.array([0.0, 0.1]), np.array([0.0, np.nan]), 3), [1.0, np.nan])


@pytest.mark.parametrize(("jobs", "interval"), [(1, network_jackknife), (2, network_jackknife), (5, job_means_t)])
def test_the_interval_at_level_one_minus_p_ends_at_zero(jobs, interval):
    pairs = np.array([(f"{j}{a}", f"{j}{b}") for j in range(jobs) for a in range(4) for b in range(a + 1, 4)])
    values = np.random.default_rng(jobs).normal(0.5, 1.0, len(pairs))
    error, freedom = error_over_networks(values, pairs[:, 0], pairs[:, 1])
    p = float(two_sided_p(np.array(values.mean()), np.array(error), freedom))
    assert np.abs(interval(values, pairs[:, 0], pairs[:, 1], 1 - p)).min() == pytest.approx(0.0, abs=1e-9)


def test_where_no_network_can_be_left_out_there_is_no_error():
    assert np.isnan(error_over_networks(np.array([1.0, 2.0]), ["a", "a"], ["b", "c"])[0])


def test_holms_correction_by_hand():
    np.testing.assert_allclose(of_one_family(0.01, 0.04, 0.03, 0.005), [0.03, 0.06, 0.06, 0.02])  # Holm 1979: 4, 3, 2 and 1 times
    assert of_one_family(0.2) == pytest.approx([0.2])
    assert of_one_family(0.9, 0.8) == pytest.approx([1.0, 1.0])
    np.testing.assert_allclose(of_one_family(0.01, np.nan), [0.02, np.nan])  # a comparison of one pair is one all the same


def test_families_are_corrected_for_themselves():
    rng = np.random.default_rng(0)
    p, family = rng.random(40), rng.integers(0, 5, 40)
    together = holm(p, family)
    for one in range(5):
        np.testing.assert_array_equal(together[family == one], of_one_family(*p[family == one]))
    assert len(holm(np.empty(0), np.empty(0, dtype=int))) == 0


def test_it_decides_all_that_bonferroni_does_and_no_more_than_without_correction():
    p = np.random.default_rng(1).random(30) ** 3
    corrected = of_one_family(*p)
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(30 * p, 1)).all()


def test_of_families_without_a_difference_one_in_twenty_decides_something():
    rng, m, tries = np.random.default_rng(2), 6, 4000
    values = rng.normal(size=(tries, m, 5))
    p = two_sided_p(values.mean(axis=2), values.std(axis=2, ddof=1) / np.sqrt(5), 4)
    corrected = holm(p.ravel(), np.repeat(np.arange(tries), m)).reshape(tries, m)
    wrong = np.mean((corrected < 0.05).any(axis=1))
    assert abs(wrong - (1 - (1 - 0.05 / m) ** m)) < 4 * np.sqrt(0.05 * 0.95 / tries)  # independent: the smallest p is below 0.05 / m
