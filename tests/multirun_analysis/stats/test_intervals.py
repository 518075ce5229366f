"""Intervals and summaries against SciPy, plain pandas and repeated sampling."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from multirun_analysis.checks import InputError
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.stats.intervals import job_means_t, network_jackknife, student_t
from multirun_analysis.stats.power import pairs_to_halve
from multirun_analysis.stats.resampling import bootstrap_mean
from multirun_analysis.stats.summary import JACKKNIFE, JOBS, ONE_VALUE, SHARED, STUDENT, summarise


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


def frame_of(*rows):
    return pd.DataFrame(rows, columns=["width", "network_a", "network_b", "value"])


def test_summary_equals_plain_pandas():
    frame = frame_of((8, "a", "b", 1.0), (8, "c", "d", 4.0), (8, "e", "f", 2.5), (16, "g", "h", 3.0), (16, "i", "j", 7.0))
    summary = summarise(frame, ["width"], "value").set_index("width")
    grouped = frame.groupby("width")["value"]
    for name in ("mean", "std", "median", "min", "max"):
        pd.testing.assert_series_equal(summary[name], grouped.agg(name), check_names=False)
    assert list(summary["n_pairs"]) == [3, 2]
    assert list(summary["n_networks"]) == [6, 4]
    assert set(summary["interval"]) == {STUDENT}
    np.testing.assert_allclose(summary.loc[8, ["ci_low", "ci_high"]].astype(float), student_t([1.0, 4.0, 2.5]))


def test_one_pair_has_no_interval_and_says_so():
    row = summarise(frame_of((8, "a", "b", 1.0)), ["width"], "value").iloc[0]
    assert row["interval"] == ONE_VALUE
    assert row[["ci_low", "ci_high", "std"]].isna().all()


def test_pairs_that_share_networks_get_the_jackknife_over_networks():
    row = summarise(frame_of((8, "a", "b", 1.0), (8, "a", "c", 2.0), (8, "b", "c", 3.0)), ["width"], "value").iloc[0]
    assert (row["n_pairs"], row["n_networks"], row["mean"]) == (3, 3, 2.0)
    assert row["interval"] == f"{JACKKNIFE}, 95%"
    # Without a: 3; without b: 2; without c: 1. Variance 2/3 * 2.
    half = stats.t.ppf(0.975, 2) * np.sqrt(2 / 3 * 2)
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], [2 - half, 2 + half])


def test_where_no_network_can_be_left_out_there_is_no_interval():
    row = summarise(frame_of((8, "a", "b", 1.0), (8, "a", "c", 2.0)), ["width"], "value").iloc[0]  # a star: all pairs have a
    assert row["interval"] == SHARED
    assert np.isnan(row["ci_low"])


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


@pytest.mark.parametrize(("kind", "method"), [("bootstrap", "percentile"), ("bca", "BCa")])
def test_bootstraps_are_scipys_and_apply_to_cells_of_twenty_pairs_and_more(kind, method):
    values = np.random.default_rng(5).gamma(1.0, size=43)
    frame = frame_of(
        *[(8, f"a{k}", f"b{k}", v) for k, v in enumerate(values[:19])], *[(16, f"c{k}", f"d{k}", v) for k, v in enumerate(values[19:])]
    )
    summary = summarise(frame, ["width"], "value", IntervalChoice(kind, level=0.9, resamples=500, seed=7)).set_index("width")
    with np.errstate(all="ignore"):
        expected = stats.bootstrap(
            (values[19:],), np.mean, confidence_level=0.9, n_resamples=500, method=method, rng=np.random.default_rng(7)
        ).confidence_interval
    np.testing.assert_allclose(summary.loc[16, ["ci_low", "ci_high"]].astype(float), expected)
    np.testing.assert_allclose(summary.loc[8, ["ci_low", "ci_high"]].astype(float), student_t(values[:19], 0.9))
    assert summary.loc[16, ["level", "resamples", "resampling_seed"]].tolist() == [0.9, 500, 7]
    assert summary.loc[8, ["level"]].tolist() == [0.9]
    assert summary.loc[8, ["resamples", "resampling_seed"]].isna().all()
    assert "90%" in summary.loc[16, "interval"]
    assert "Student" in summary.loc[8, "interval"]


def test_equal_values_have_a_bootstrap_interval_of_no_width_and_infinite_ones_none():
    assert bootstrap_mean(np.full(20, 0.25), "bca", 0.95, 100, 0) == (0.25, 0.25)
    assert np.isnan(bootstrap_mean(np.array([*range(20), np.inf]), "bca", 0.95, 100, 0)).all()


@pytest.mark.parametrize("wrong", [{"kind": "z"}, {"level": 1.0}, {"level": 95}, {"resamples": 1}, {"seed": -1}])
def test_a_wrong_interval_is_refused_with_its_key_and_value(wrong):
    with pytest.raises(InputError, match=r"^`--[a-z-]+` must .*, got "):
        IntervalChoice(**wrong)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 11, 40])
def test_the_interquartile_mean_is_scipys(n):
    values = np.random.default_rng(n).normal(size=n)
    row = summarise(frame_of(*[(8, f"a{k}", f"b{k}", v) for k, v in enumerate(values)]), ["width"], "value").iloc[0]
    assert row["interquartile_mean"] == pytest.approx(stats.trim_mean(values, 0.25))


def test_so_many_pairs_halve_the_interval_and_one_fewer_do_not():
    row = summarise(frame_of(*[(8, f"a{k}", f"b{k}", k) for k in range(5)]), ["width"], "value").iloc[0]
    n = int(row["pairs_to_halve"])
    half = lambda k: stats.t.ppf(0.975, k - 1) / np.sqrt(k)  # noqa: E731
    assert half(n) <= half(5) / 2 < half(n - 1)
    assert n == pairs_to_halve(5)
    assert np.isnan(
        summarise(frame_of((8, "a", "b", 1.0), (8, "a", "c", 2.0), (8, "b", "c", 3.0)), ["width"], "value").iloc[0]["pairs_to_halve"]
    )


def test_missing_values_do_not_count():
    row = summarise(frame_of((8, "a", "b", 1.0), (8, "c", "d", np.nan), (8, "e", "f", 3.0)), ["width"], "value").iloc[0]
    assert (row["n_pairs"], row["n_networks"], row["mean"]) == (2, 4, 2.0)
