"""Intervals and summaries against SciPy, plain pandas and repeated sampling."""

import numpy as np
import pytest
from scipy import stats
from small_frames import frame_of

from multirun_analysis.stats.intervals import job_means_t, network_jackknife, student_t
from multirun_analysis.stats.summary import JOBS, summarise


def test_student_interval_is_scipys():
    values = np.random.default_rng(0).gamma(2.0, size=7)
    expected = stats.t.interval(0.9, df=6, loc=values.mean(), scale=stats.sem(values))
    np.testing.assert_allclose(student_t(values, level=0.9), expected, rtol=1e-12)


def test_student_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(3.0, 2.0, size=(4000, 4))
    hits = [low <= 3.0 <= high for low, high in map(student_t, draws)]
    assert abs(np.mean(hits) - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4000)  # four standard errors


@pytest.mark.parametrize("values", [[], [1.0]])
def test_fewer_than_two_values_have_no_interval(values):
    assert np.isnan(student_t(values)).all()


def pairs_of(k: int, jobs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of all pairs of k networks in each of some jobs."""
    pairs = np.array([(j * k + a, j * k + b) for j in range(jobs) for a in range(k) for b in range(a + 1, k)])
    return pairs[:, 0], pairs[:, 1]


@pytest.mark.parametrize("k", [3, 6])
def test_with_effects_of_networks_only_the_jackknife_is_students_interval_of_the_networks(k):
    # x_ab = u_a + u_b has mean 2 ubar, exactly.
    effects = np.random.default_rng(k).normal(size=k)
    a, b = pairs_of(k)
    np.testing.assert_allclose(network_jackknife(effects[a] + effects[b], a, b), 2 * np.array(student_t(effects)))


def test_a_group_of_its_own_for_every_job():
    a, b = pairs_of(4, jobs=3)
    effects = np.random.default_rng(0).normal(size=12)
    low, high = network_jackknife(effects[a] + effects[b], a, b)
    variances = [4 * effects[k : k + 4].var(ddof=1) / 4 / 9 for k in (0, 4, 8)]
    freedom = sum(variances) ** 2 / sum(v**2 / 3 for v in variances)
    assert high - low == pytest.approx(2 * stats.t.ppf(0.975, freedom) * np.sqrt(sum(variances)))


def test_many_jobs_are_replicates_by_themselves():
    a, b = pairs_of(3, jobs=5)
    effects = np.random.default_rng(0).normal(size=15)
    values = effects[a] + effects[b]
    means = values.reshape(5, 3).mean(axis=1)
    np.testing.assert_allclose(job_means_t(values, a, b), student_t(means))
    rows = [(8, f"n{i}", f"n{j}", value) for i, j, value in zip(a, b, values, strict=True)]
    row = summarise(frame_of(*rows), ["width"], "value").iloc[0]
    assert row["interval"] == f"{JOBS}, 95%"
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], student_t(means))
    # A job that has lost a network keeps its part: one pair of it is left.
    remaining = [r for r in rows if "n0" not in r[1:3]]
    row = summarise(frame_of(*remaining), ["width"], "value").iloc[0]
    assert (row["interval"], row["n_pairs"]) == (f"{JOBS}, 95%", 13)
    assert row["ci_low"] < row["mean"] < row["ci_high"]


def test_the_interval_over_jobs_covers_the_mean():
    rng, (a, b), tries = np.random.default_rng(3), pairs_of(3, jobs=8), 1500
    hits = []
    for _ in range(tries):
        effects = rng.normal(size=24)
        low, high = job_means_t(effects[a] + effects[b] + rng.normal(size=len(a)), a, b)
        hits.append(low <= 0 <= high)
    assert abs(np.mean(hits) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / tries)


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("k", [4, 8, 16])
def test_the_jackknife_covers_the_mean_where_the_naive_interval_fails(k, skewed):
    rng, a_b, tries = np.random.default_rng(k), pairs_of(k), 1500
    jackknife, naive = [], []
    for _ in range(tries):
        effects = rng.exponential(size=k) - 1 if skewed else rng.normal(size=k)
        values = effects[a_b[0]] + effects[a_b[1]] + 0.5 * rng.normal(size=len(a_b[0]))
        for intervals, (low, high) in ((jackknife, network_jackknife(values, *a_b)), (naive, student_t(values))):
            intervals.append(low <= 0 <= high)
    error = 3 * np.sqrt(0.95 * 0.05 / tries)
    if skewed:
        assert 0.85 < np.mean(jackknife) < 0.95
    else:
        assert 0.93 - error < np.mean(jackknife) < 0.97 + error
    assert np.mean(naive) < {4: 0.85, 8: 0.65, 16: 0.5}[k]


@pytest.mark.parametrize("n", [4, 8, 16])
def test_students_interval_covers_gaussian_means_and_less_often_skewed_ones(n):
    rng, tries = np.random.default_rng(n), 3000
    error = 3 * np.sqrt(0.95 * 0.05 / tries)
    hits = [low <= 0 <= high for low, high in map(student_t, rng.normal(size=(tries, n)))]
    assert 0.93 - error < np.mean(hits) < 0.97 + error
    skewed = [low <= 0 <= high for low, high in map(student_t, rng.exponential(size=(tries, n)) - 1)]
    assert 0.84 < np.mean(skewed) < 0.95
