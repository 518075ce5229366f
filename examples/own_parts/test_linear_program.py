"""The contract of a transport: the least cost, and of several optimal permutations that which the rule of ties chooses."""

from itertools import permutations

import numpy as np
import pytest

from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.transport.assignment import Assignment
from lmc_sweeps.transport.linear_program import LinearProgram


@pytest.mark.parametrize("n", [1, 2, 6])
def test_the_cost_is_the_smallest_of_all_permutations(n):
    cost = np.random.default_rng(n).random((n, n))
    result = LinearProgram()(cost)
    assert result.converged
    best = min(cost[np.arange(n), list(order)].mean() for order in permutations(range(n)))
    np.testing.assert_allclose([result.cost, (result.coupling * cost).sum()], best, rtol=1e-9)
    np.testing.assert_allclose([result.coupling.sum(0), result.coupling.sum(1)], 1 / n, rtol=1e-9)


def test_of_equal_costs_it_chooses_as_the_others_do():
    cost = np.random.default_rng(0).integers(0, 3, (8, 8)).astype(float)  # many permutations cost the least
    np.testing.assert_array_equal(*(from_coupling(solve(cost).coupling)[0] for solve in (LinearProgram(), Assignment())))


@pytest.mark.parametrize("cost", [np.zeros((2, 3)), np.full((2, 2), np.nan)])
def test_a_cost_that_is_not_square_or_not_finite_is_refused(cost):
    with pytest.raises(ValueError, match="`cost` must be"):
        LinearProgram()(cost)
