"""Slopes: exact on power laws, spread pooled over widths, windows that the caller sets, lack of fit, and how often they hold the truth."""

import numpy as np
import pytest
from scipy import stats

from multirun_analysis.stats.positive import widened
from multirun_analysis.stats.slopes import log_slope, slope_over_widths

WIDTHS = np.array([4, 8, 16, 32])


@pytest.mark.parametrize("exponent", [-2.0, -0.5, 0.0, 1.0])
def test_the_slope_of_a_power_law_is_its_exponent(exponent):
    assert log_slope(WIDTHS, 3 * WIDTHS**exponent) == pytest.approx(exponent, abs=1e-12)


def test_the_slope_is_that_of_numpys_least_squares():
    y = np.random.default_rng(0).lognormal(size=4)
    assert log_slope(WIDTHS, y) == pytest.approx(np.polyfit(np.log(WIDTHS), np.log(y), 1)[0], rel=1e-12)


def test_weights_count_points_as_often_as_they_say():
    y = np.random.default_rng(1).lognormal(size=4)
    often = np.repeat(np.arange(4), [3, 1, 2, 1])
    assert log_slope(WIDTHS, y, np.array([3.0, 1, 2, 1])) == pytest.approx(log_slope(WIDTHS[often], y[often]), rel=1e-12)


def lognormal(rng, seeds: int, spread: float, exponent: float = -1.0, widths: np.ndarray = WIDTHS) -> np.ndarray:
    """Return values, seeds by widths, whose means are a power of the width, with a coefficient of variation."""
    sigma = np.sqrt(np.log1p(spread**2))
    return rng.lognormal(-(sigma**2) / 2, sigma, (seeds, len(widths))) * widths**exponent


def test_the_interval_and_the_fit_are_those_of_their_formulas():
    values = lognormal(np.random.default_rng(2), 5, 0.6)
    fit = slope_over_widths(WIDTHS, values, 0.9)
    means, logs = values.mean(axis=0), np.log(values)
    squared = widened(values.var(axis=0, ddof=1) / means**2, logs.var(axis=0, ddof=1)).mean()
    line = stats.linregress(np.log(WIDTHS), np.log(means))
    half = stats.t.ppf(0.95, 16) * np.sqrt(squared / 5 / ((np.log(WIDTHS) - np.log(WIDTHS).mean()) ** 2).sum())
    np.testing.assert_allclose([fit.slope, fit.low, fit.high], [line.slope, line.slope - half, line.slope + half], rtol=1e-12)
    squares = 5 * ((np.log(means) - line.intercept - line.slope * np.log(WIDTHS)) ** 2).sum()
    np.testing.assert_allclose([fit.lack_of_fit, fit.p], [squares / 2 / squared, stats.f.sf(squares / 2 / squared, 2, 16)], rtol=1e-9)
    np.testing.assert_allclose(fit.local, np.diff(np.log(means)) / np.diff(np.log(WIDTHS)), rtol=1e-12)
    np.testing.assert_allclose(fit.local_half, stats.t.ppf(0.95, 16) * np.sqrt(2 * squared / 5) / np.log(2), rtol=1e-12)


def test_units_do_not_matter():
    values = lognormal(np.random.default_rng(3), 4, 0.5)
    one, other = slope_over_widths(WIDTHS, values), slope_over_widths(WIDTHS, 1000 * values)
    assert (one.slope, one.low, one.p) == pytest.approx((other.slope, other.low, other.p), rel=1e-9)


def test_the_window_is_the_callers_and_no_filter_of_what_is_significant():
    values = lognormal(np.random.default_rng(4), 6, 0.1)
    values[:, 3] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.01]  # Student's lower limit is below 0
    assert slope_over_widths(WIDTHS, values).window == (4, 8, 16, 32)
    fixed = slope_over_widths(WIDTHS, values, window=(4, 16))
    assert fixed.window == (4, 8, 16)
    assert fixed.slope == pytest.approx(log_slope(WIDTHS[:3], values[:, :3].mean(axis=0)), rel=1e-12)
    assert fixed.low < fixed.slope < fixed.high


def test_a_width_whose_mean_is_zero_has_no_logarithm_and_is_left_out():
    values = lognormal(np.random.default_rng(5), 4, 0.2)
    values[:, 1] = 0.0
    assert slope_over_widths(WIDTHS, values).window == (4, 16, 32)


@pytest.mark.parametrize("spread", [0.2, 0.5, 0.8, 1.5])
@pytest.mark.parametrize("seeds", [4, 10])
def test_the_interval_holds_the_slope_and_the_fit_is_rejected_as_often_as_they_say(seeds, spread):
    rng, tries = np.random.default_rng(seeds), 500
    fits = [slope_over_widths(WIDTHS, lognormal(rng, seeds, spread)) for _ in range(tries)]
    assert np.mean([fit.low <= -1 <= fit.high for fit in fits]) >= 0.93
    assert np.mean([fit.p < 0.05 for fit in fits]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / tries)


def test_a_curve_that_is_no_power_law_is_found_out():
    curve = np.array([1.0, 0.4, 0.35, 0.34])
    fit = slope_over_widths(WIDTHS, curve * lognormal(np.random.default_rng(6), 6, 0.1, exponent=0.0))
    assert fit.p < 1e-6
    assert fit.local[0] < -1
    assert fit.local[2] + fit.local_half[2] > 0 > fit.local[0] + fit.local_half[0]


def test_a_missing_pair_is_left_out_of_the_means_and_its_width_weighs_less():
    values = lognormal(np.random.default_rng(7), 4, 0.3)
    values[1, 2] = np.nan
    fit = slope_over_widths(WIDTHS, values)
    expected = np.polyfit(np.log(WIDTHS), np.log(np.nanmean(values, axis=0)), 1, w=np.sqrt([4, 4, 3, 4]))[0]
    assert fit.slope == pytest.approx(expected, rel=1e-9)
    assert fit.low < fit.slope < fit.high


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_widths_give_no_slope(seeds):
    values = np.array([[1.0, 0.5], [1.1, 0.6]])[:seeds]
    fit = slope_over_widths(WIDTHS[:2], values)
    assert np.isnan([fit.slope, fit.low, fit.high]).all()


def test_one_seed_gives_a_slope_and_local_slopes_without_an_interval():
    fit = slope_over_widths(WIDTHS, 1.0 / WIDTHS[None, :])
    assert fit.slope == pytest.approx(-1)
    assert fit.local == pytest.approx((-1, -1, -1))
    assert np.isnan([fit.low, fit.high, fit.lack_of_fit, *fit.local_half]).all()


def test_seeds_that_agree_leave_no_interval_and_no_test_of_fit():
    fit = slope_over_widths(WIDTHS, np.repeat(1.0 / WIDTHS[None, :], 3, axis=0))
    assert (fit.slope, fit.low, fit.high) == pytest.approx((-1, -1, -1))
