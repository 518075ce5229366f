"""The width from which on a curve stays within a tolerance."""

import numpy as np
import pytest

from multirun_analysis.stats.crossings import Crossing, width_within

WIDTHS = np.array([8.0, 16.0, 32.0, 64.0])


@pytest.mark.parametrize(
    ("values", "tolerance", "expected"),
    [
        ([0.8, 0.4, 0.2, 0.1], 0.3, Crossing(2**4.5, "inside")),  # halfway from 0.4 to 0.2, so halfway from 16 to 32 in log width
        ([0.8, 0.4, 0.2, 0.1], 0.4, Crossing(16.0, "inside")),
        ([0.8, 0.4, 0.2, 0.1], 0.05, Crossing(64.0, "above")),
        ([0.8, 0.4, 0.2, 0.1], 0.9, Crossing(8.0, "below")),
        ([0.8, 0.1, 0.5, 0.1], 0.3, Crossing(2**5.5, "inside")),  # within it at 16, but not for good
        ([0.0, 0.0, 0.0, 0.2], 0.1, Crossing(64.0, "above")),
    ],
)
def test_the_width_from_which_on_a_curve_stays_within_a_tolerance(values, tolerance, expected):
    crossing = width_within(WIDTHS, np.array(values), tolerance)
    assert (crossing.side, crossing.width) == (expected.side, pytest.approx(expected.width))
