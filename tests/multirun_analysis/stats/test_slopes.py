"""Slopes: exact on power laws, windows that leave out what cannot be told from zero, seeds kept together, zeros counted."""

import numpy as np
import pytest

from multirun_analysis.stats.slopes import log_slope, slope_over_widths

WIDTHS = np.array([4, 8, 16, 32])


@pytest.mark.parametrize("exponent", [-2.0, -0.5, 0.0, 1.0])
def test_the_slope_of_a_power_law_is_its_exponent(exponent):
    assert log_slope(WIDTHS, 3 * WIDTHS**exponent) == pytest.approx(exponent, abs=1e-12)


def test_the_slope_is_that_of_numpys_least_squares():
    y = np.random.default_rng(0).lognormal(size=4)
    assert log_slope(WIDTHS, y) == pytest.approx(np.polyfit(np.log(WIDTHS), np.log(y), 1)[0], rel=1e-12)


def test_a_seed_that_is_high_at_all_widths_adds_nothing_to_the_interval():
    # Seeds are resampled whole: factors of whole curves cancel, which they would not if every width were resampled for itself.
    factors = np.array([0.8, 1.0, 1.1, 1.3, 1.0])[:, None]
    fit = slope_over_widths(WIDTHS, factors / WIDTHS[None, :])
    assert fit.slope == pytest.approx(-1)
    assert (fit.low, fit.high) == pytest.approx((-1, -1))
    assert fit.window == (4, 8, 16, 32)


def test_widths_whose_lower_limit_is_not_above_zero_are_left_out():
    rng = np.random.default_rng(1)
    values = (1 + 0.1 * rng.standard_normal((6, 4))) / WIDTHS[None, :]
    values[:, 3] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.01]  # mean 0.0017, lower limit below 0
    fit = slope_over_widths(WIDTHS, values)
    assert fit.window == (4, 8, 16)
    assert fit.slope == pytest.approx(log_slope(WIDTHS[:3], values[:, :3].mean(0)), rel=1e-12)
    assert fit.low < fit.slope < fit.high


@pytest.mark.parametrize("seeds", [4, 10])
def test_the_interval_covers_the_truth_as_often_as_it_says(seeds):
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        fit = slope_over_widths(WIDTHS, rng.lognormal(-np.log(WIDTHS)[None, :], 0.2, size=(seeds, 4)))
        hits += fit.low <= -1 <= fit.high
    assert 0.95 - 3 * 0.011 <= hits / 400 <= 0.95 + 3 * 0.011  # three standard deviations of 400 tries


def test_a_missing_pair_is_left_out_of_the_means():
    values = np.repeat((1 / WIDTHS)[None, :], 4, axis=0) * np.array([0.9, 1.0, 1.0, 1.1])[:, None]
    values[1, 2] = np.nan
    fit = slope_over_widths(WIDTHS, values)
    assert fit.slope == pytest.approx(log_slope(WIDTHS, np.nanmean(values, axis=0)))


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_widths_give_no_slope(seeds):
    values = np.array([[1.0, 0.5], [1.1, 0.6]])[:seeds]
    fit = slope_over_widths(WIDTHS[:2], values)
    assert np.isnan([fit.slope, fit.low, fit.high]).all()


def test_two_seeds_give_a_slope_without_an_interval():
    fit = slope_over_widths(WIDTHS, np.array([1.0, 1.01])[:, None] / WIDTHS[None, :])
    assert fit.slope == pytest.approx(-1)
    assert np.isnan([fit.low, fit.high]).all()
