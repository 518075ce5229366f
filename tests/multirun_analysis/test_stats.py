"""Intervals and summaries against SciPy, plain pandas and repeated sampling."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from multirun_analysis.stats.intervals import student_t
from multirun_analysis.stats.summary import ONE_VALUE, SHARED, STUDENT, summarise


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
    found = summarise(frame, ["width"], "value").set_index("width")
    grouped = frame.groupby("width")["value"]
    for name in ("mean", "std", "median", "min", "max"):
        pd.testing.assert_series_equal(found[name], grouped.agg(name), check_names=False)
    assert list(found["n_pairs"]) == [3, 2]
    assert list(found["n_networks"]) == [6, 4]
    assert set(found["interval"]) == {STUDENT}
    np.testing.assert_allclose(found.loc[8, ["ci_low", "ci_high"]].astype(float), student_t([1.0, 4.0, 2.5]))


def test_one_pair_has_no_interval_and_says_so():
    row = summarise(frame_of((8, "a", "b", 1.0)), ["width"], "value").iloc[0]
    assert row["interval"] == ONE_VALUE
    assert row[["ci_low", "ci_high", "std"]].isna().all()


def test_pairs_that_share_networks_get_no_interval_of_independent_ones():
    row = summarise(frame_of((8, "a", "b", 1.0), (8, "a", "c", 2.0), (8, "b", "c", 3.0)), ["width"], "value").iloc[0]
    assert (row["n_pairs"], row["n_networks"], row["mean"]) == (3, 3, 2.0)
    assert row["interval"] == SHARED
    assert np.isnan(row["ci_low"])


def test_missing_values_do_not_count():
    row = summarise(frame_of((8, "a", "b", 1.0), (8, "c", "d", np.nan), (8, "e", "f", 3.0)), ["width"], "value").iloc[0]
    assert (row["n_pairs"], row["n_networks"], row["mean"]) == (2, 4, 2.0)
