"""Bootstraps are SciPy's."""

import numpy as np
import pytest
from scipy import stats
from small_frames import frame_of

from multirun_analysis.stats import resampling
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.stats.intervals import student_t
from multirun_analysis.stats.resampling import bootstrap_mean
from multirun_analysis.stats.summary import summarise


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


def test_many_resamples_are_drawn_in_parts_and_are_the_same(monkeypatch):
    values = 0.1 * np.arange(25.0) ** 2
    whole = resampling.bootstrap_mean(values, "bootstrap", 0.95, 999, 0)
    monkeypatch.setattr(resampling, "MOST_DRAWN", 25 * 10)
    assert resampling.bootstrap_mean(values, "bootstrap", 0.95, 999, 0) == whole
