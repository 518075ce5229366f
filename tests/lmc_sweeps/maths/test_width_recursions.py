"""Sufficient and necessary widths: closed forms, and one recursion against the other."""

import math

import pytest

from lmc_sweeps.maths.cost_bounds import nearest_neighbour_bound
from lmc_sweeps.maths.width_recursions import tolerance_reached, widths_necessary, widths_sufficient


def test_sufficient_widths_are_a_tower_of_powers_that_ends_in_infinity():
    assert widths_sufficient(0.5, 5, 3) == [32.0, 2.0**32, math.inf]
    assert widths_sufficient(0.1, 2, 1, constant=3.0) == pytest.approx([900.0])


def test_necessary_widths_solve_the_nearest_neighbour_bound():
    (first, *_) = widths_necessary(0.05, 6, 2)
    # Rows of variance 1/d have a density bound d^{d/2} times larger.
    at_it = nearest_neighbour_bound(round(first), 6, (6 / (2 * math.pi)) ** 3)
    assert at_it == pytest.approx(0.05**2, rel=1e-3)
    assert widths_necessary(0.05, 6, 2)[1] == math.inf


def test_more_is_sufficient_than_is_necessary():
    for tolerance in (0.3, 0.1, 0.01):
        assert widths_necessary(tolerance, 8, 1)[0] < widths_sufficient(tolerance, 8, 1, constant=2.0)[0]


@pytest.mark.parametrize(("width", "n_inputs", "layer"), [(1024, 5, 1), (1024, 5, 2), (64, 1, 3), (4096, 784, 4), (2, 3, 2)])
def test_the_tolerance_reached_is_the_one_whose_sufficient_width_it_is(width, n_inputs, layer):
    tolerance = tolerance_reached(width, n_inputs, layer)
    assert widths_sufficient(tolerance, n_inputs, layer)[-1] == pytest.approx(width, rel=1e-6)
    assert tolerance_reached(width, n_inputs, layer, constant=3.0) == pytest.approx(3 * tolerance)


def test_the_tolerance_reached_falls_with_width_and_rises_with_depth():
    assert tolerance_reached(1024, 5, 1) == pytest.approx(1024 ** (-1 / 5))
    by_width = [tolerance_reached(width, 5, 2) for width in (8, 64, 512, 4096)]
    assert by_width == sorted(by_width, reverse=True)
    by_layer = [tolerance_reached(512, 5, layer) for layer in (1, 2, 3, 4)]
    assert by_layer == sorted(by_layer)
