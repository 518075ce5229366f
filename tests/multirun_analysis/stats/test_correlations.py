"""Rank correlations, by hand and against pandas."""

import numpy as np
import pandas as pd
import pytest

from multirun_analysis.stats.correlations import rank_correlation


def test_rank_correlations_by_hand_and_against_pandas():
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0])) == pytest.approx(1.0)
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1.0)
    assert np.isnan(rank_correlation(np.array([1.0, 2.0]), np.array([1.0, 2.0])))
    assert np.isnan(rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0])))
    x, y = np.random.default_rng(0).integers(0, 5, (2, 40)).astype(float)  # with ties
    assert rank_correlation(x, y) == pytest.approx(pd.Series(x).rank().corr(pd.Series(y).rank()))
