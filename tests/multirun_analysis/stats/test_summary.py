"""Summaries of cells: plain pandas', with the interval that their pairs allow."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_frames import frame_of

from multirun_analysis.stats.intervals import student_t
from multirun_analysis.stats.summary import JACKKNIFE, ONE_VALUE, SHARED, STUDENT, summarise


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


@pytest.mark.parametrize("n", [2, 3, 4, 5, 11, 40])
def test_the_interquartile_mean_is_scipys(n):
    values = np.random.default_rng(n).normal(size=n)
    row = summarise(frame_of(*[(8, f"a{k}", f"b{k}", v) for k, v in enumerate(values)]), ["width"], "value").iloc[0]
    assert row["interquartile_mean"] == pytest.approx(stats.trim_mean(values, 0.25))


def test_missing_values_do_not_count():
    row = summarise(frame_of((8, "a", "b", 1.0), (8, "c", "d", np.nan), (8, "e", "f", 3.0)), ["width"], "value").iloc[0]
    assert (row["n_pairs"], row["n_networks"], row["mean"]) == (2, 4, 2.0)
