"""Intervals of what cannot be negative: identities, the rule for zeros, and how often they hold the truth."""

import numpy as np
import pytest
from scipy import stats

from multirun_analysis.stats.intervals import job_means_t, network_jackknife, student_t
from multirun_analysis.stats.positive import CUT, LOGS, SIGNED, log_jackknife, log_job_means, log_t, log_t_of_rows, widened

TRIES = 4000


def pairs_of(k: int, jobs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of all pairs of k networks in each of some jobs."""
    pairs = np.array([(j * k + a, j * k + b) for j in range(jobs) for a in range(k) for b in range(a + 1, k)])
    return pairs[:, 0], pairs[:, 1]


def test_the_mean_is_the_geometric_middle_and_units_do_not_matter():
    values = np.random.default_rng(0).lognormal(sigma=0.8, size=6)
    low, high = log_t(values)
    assert low * high == pytest.approx(values.mean() ** 2, rel=1e-12)
    np.testing.assert_allclose(log_t(1000 * values), (1000 * low, 1000 * high), rtol=1e-12)


def test_the_interval_is_that_of_its_formula():
    values = np.array([0.5, 1.0, 2.0, 0.7])
    squared, implied = values.var(ddof=1) / values.mean() ** 2, np.exp(np.log(values).var(ddof=1)) - 1
    squared = max(squared, min(implied, (1 + squared) ** 1.5 - 1))
    half = stats.t.ppf(0.95, 3) * np.sqrt(squared / 4)
    np.testing.assert_allclose(log_t(values, 0.9), values.mean() * np.exp([-half, half]), rtol=1e-12)


def test_for_a_small_spread_it_is_students_interval():
    values = 1 + 1e-5 * np.random.default_rng(0).normal(size=5)
    np.testing.assert_allclose(np.subtract(log_t(values), values.mean()), np.subtract(student_t(values), values.mean()), rtol=1e-3)


@pytest.mark.parametrize(
    ("squared_cv", "log_variance", "expected"), [(0.2, 0.1, 0.2), (0.2, np.log(1.25), 0.25), (0.21, np.inf, 1.1**3 - 1)]
)
def test_a_cv_is_widened_by_its_logs_within_limits(squared_cv, log_variance, expected):
    assert widened(np.array(squared_cv), np.array(log_variance)) == pytest.approx(expected, rel=1e-12)


def test_a_value_next_to_zero_does_not_take_the_upper_end_away():
    ends = [log_t([0.8, 1.0, 1.2, least])[1] for least in (1e-3, 1e-9, 1e-200)]
    assert max(ends) / min(ends) < 1.01
    assert max(ends) < 5


def test_with_a_zero_the_lower_end_is_students_cut_at_zero_and_the_upper_one_is_raised():
    for values in ([0.0, 0.1, 0.3, 0.2], [0.0, 0.0, 0.0, 0.2]):
        low, high = student_t(values)
        half, mean = (high - low) / 2, np.mean(values)
        np.testing.assert_allclose(log_t(values), (max(low, 0.0), high + half**2 / (2 * mean)), rtol=1e-12)


def test_two_values_have_students_interval_cut_at_zero():
    low, high = student_t([1.0, 1.5])
    assert low < 0
    np.testing.assert_allclose(log_t([1.0, 1.5]), (0.0, high), rtol=1e-12)
    np.testing.assert_allclose(log_t([1.0, 1.01]), student_t([1.0, 1.01]), rtol=1e-12)


def test_zeros_alone_are_the_point_zero_and_equal_values_are_their_own():
    assert log_t([0.0, 0.0, 0.0]) == (0.0, 0.0)
    np.testing.assert_allclose(log_t([0.1, 0.1, 0.1]), (0.1, 0.1), rtol=1e-12)


def test_a_value_below_zero_has_students_interval_and_too_few_have_none():
    np.testing.assert_allclose(log_t([-0.1, 0.1, 0.2]), student_t([-0.1, 0.1, 0.2]), rtol=1e-12)
    assert np.isnan([log_t([]), log_t([1.0])]).all()


def test_infinite_values_have_no_interval():
    assert np.isnan(log_t([1.0, np.inf, 2.0])).all()


def test_every_row_of_a_table_is_as_for_itself_and_says_its_kind():
    table = np.array([[0.1, 0.2, 0.4], [0.0, 0.2, 0.4], [-0.1, 0.2, 0.4]])
    low, high, kinds = log_t_of_rows(table)
    assert list(kinds) == [LOGS, CUT, SIGNED]
    assert [tuple(ends) for ends in zip(low, high, strict=True)] == [log_t(row) for row in table]
    assert list(log_t_of_rows(table[:, :2])[2]) == [CUT, CUT, SIGNED]


@pytest.mark.parametrize("n", [4, 10])
@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, size: rng.lognormal(-0.125, 0.5, size),
        lambda rng, size: rng.lognormal(-0.32, 0.8, size),
        lambda rng, size: np.maximum(rng.normal(1, 0.2, size), 0),
        lambda rng, size: np.maximum(rng.normal(1, 0.3, size), 0),
    ],
    ids=["log sd .5", "log sd .8", "CV .2", "CV .3"],
)
def test_it_holds_the_mean_in_93_of_100_cases(n, draw):
    table = draw(np.random.default_rng(n), (5 * TRIES, n))
    low, high, _ = log_t_of_rows(table)
    assert (low >= 0).all()
    assert np.mean((low <= 1) & (high >= 1)) >= 0.93


@pytest.mark.parametrize("n", [3, 4, 10, 20])
def test_cells_of_clipped_noise_hold_their_mean(n):
    # max(0, z), z standard normal, has mean 1 / sqrt(2 pi); of the cells, those with a zero and not zeros alone
    table = np.maximum(np.random.default_rng(n).normal(size=(2 * TRIES, n)), 0)
    table = table[(table == 0).any(axis=1) & (table > 0).any(axis=1)]
    low, high, kinds = log_t_of_rows(table)
    assert (kinds == CUT).all()
    assert np.mean((low <= 1 / np.sqrt(2 * np.pi)) & (high >= 1 / np.sqrt(2 * np.pi))) >= 0.93


@pytest.mark.parametrize("jobs", [1, 2])
def test_for_a_small_spread_the_jackknife_on_logs_is_the_jackknife(jobs):
    a, b = pairs_of(5, jobs)
    values = 1 + 1e-5 * np.random.default_rng(0).normal(size=len(a))
    low, high, kind = log_jackknife(values, a, b)
    assert kind == LOGS
    np.testing.assert_allclose(
        np.subtract((low, high), values.mean()), np.subtract(network_jackknife(values, a, b), values.mean()), rtol=1e-3
    )
    low, high, _ = log_job_means(values, a, b)
    if jobs == 2:
        expected = job_means_t(values, a, b)  # of two replicates, cut at 0: Student's
        np.testing.assert_allclose((low, high), expected, rtol=1e-12)
    else:
        assert np.isnan([low, high]).all()


def test_jobs_of_one_size_are_replicates():
    a, b = pairs_of(3, jobs=5)
    values = np.random.default_rng(0).lognormal(size=15)
    low, high, kind = log_job_means(values, a, b)
    assert kind == LOGS
    np.testing.assert_allclose((low, high), log_t(values.reshape(5, 3).mean(axis=1)), rtol=1e-12)


def test_where_no_network_can_be_left_out_there_is_no_interval_and_zeros_are_cut():
    assert np.isnan(log_jackknife([1.0, 2.0], ["a", "a"], ["b", "c"])[:2]).all()
    a, b = pairs_of(3)
    values = np.array([0.0, 0.1, 0.3])
    low, high, kind = log_jackknife(values, a, b)
    assert (low, kind) == (0.0, CUT)
    assert high > network_jackknife(values, a, b)[1]


@pytest.mark.parametrize("k", [4])
def test_over_networks_whose_effects_multiply_it_holds_the_mean_in_93_of_100_cases(k):
    rng, (a, b) = np.random.default_rng(k), pairs_of(k)
    plain, on_logs = [], []
    for _ in range(300):
        effects = rng.normal(size=k) * 0.57
        values = np.exp(effects[a] + effects[b] + 0.28 * rng.normal(size=len(a)))
        for hits, ends in ((plain, network_jackknife(values, a, b)), (on_logs, log_jackknife(values, a, b)[:2])):
            hits.append(ends[0] <= np.exp(0.57**2 + 0.28**2 / 2) <= ends[1])
    assert np.mean(on_logs) >= 0.93
    assert np.mean(plain) < 0.9
