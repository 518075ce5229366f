"""The width from which on a curve stays within a tolerance, exact on power laws."""

import numpy as np
import pytest

from multirun_analysis.stats.crossings import Crossing, width_within
from multirun_analysis.stats.positive import log_t_of_rows

WIDTHS = np.array([8.0, 16.0, 32.0, 64.0])


@pytest.mark.parametrize(
    ("values", "tolerance", "expected"),
    [
        ([0.8, 0.4, 0.2, 0.1], 0.4 / 2**0.5, Crossing(2**4.5, "inside")),  # 1 / width: halfway from 16 to 32 in log width
        ([0.8, 0.4, 0.2, 0.0], 0.1, Crossing(2**5.5, "inside")),  # 0 has no logarithm: halfway from 0.2 to 0 in value
        ([0.8, 0.4, 0.2, 0.1], 0.4, Crossing(16.0, "inside")),
        ([0.8, 0.4, 0.2, 0.1], 0.05, Crossing(64.0, "above")),
        ([0.8, 0.4, 0.2, 0.1], 0.9, Crossing(8.0, "below")),
        ([0.8, 0.1, 0.4, 0.1], 0.2, Crossing(2**5.5, "inside")),  # within it at 16, but not for good
        ([0.0, 0.0, 0.0, 0.2], 0.1, Crossing(64.0, "above")),
    ],
)
def test_the_width_from_which_on_a_curve_stays_within_a_tolerance(values, tolerance, expected):
    crossing = width_within(WIDTHS, np.array(values), tolerance)
    assert (crossing.side, crossing.width) == (expected.side, pytest.approx(expected.width))


@pytest.mark.parametrize("exponent", [-2.0, -0.5])
def test_of_a_power_law_on_a_grid_of_factor_four_the_width_is_exact(exponent):
    widths = np.array([8.0, 32.0, 128.0, 512.0])
    for width in (9.0, 40.0, 100.0, 500.0):
        crossing = width_within(widths, 3 * widths**exponent, 3 * width**exponent)
        assert (crossing.side, crossing.width) == ("inside", pytest.approx(width, rel=1e-9))


@pytest.mark.parametrize(("n", "sigma"), [(4, 0.5), (4, 0.8), (10, 0.8)])
def test_the_widths_at_which_the_ends_of_intervals_cross_hold_the_true_one(n, sigma):
    rng, widths, hits = np.random.default_rng(n), np.array([8.0, 32.0, 128.0, 512.0]), []
    for _ in range(150):
        low, high, _ = log_t_of_rows((rng.lognormal(-(sigma**2) / 2, sigma, (n, 4)) / widths).T)
        for width in (40.0, 64.0, 110.0):
            ends = [width_within(widths, end, 1 / width) for end in (low, high)]
            below, above = ends[0].side != "above" and ends[0].width <= width, ends[1].side == "above" or ends[1].width >= width
            hits.append(below and above)
    assert np.mean(hits) >= 0.9
