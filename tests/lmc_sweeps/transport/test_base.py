"""Transports: marginals, brute force, and what is refused; each solver for itself."""

import itertools

import numpy as np
import pytest
from small_costs import COSTS

from lmc_sweeps.maths.ground_costs import squared_distances
from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.transport.assignment import Assignment
from lmc_sweeps.transport.emd import Emd


@pytest.mark.parametrize("solver", [Emd(), Assignment()])
@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize("n", range(1, 8))
def test_no_permutation_is_cheaper_than_the_transport(solver: Emd | Assignment, kind: str, n: int) -> None:
    cost = COSTS[kind](np.random.default_rng(100 + n), n)
    every = np.array(list(itertools.permutations(range(n))))  # (n!, n)
    cheapest = cost[np.arange(n), every].mean(axis=1).min()
    result = solver(cost)
    permutation, exact = from_coupling(result.coupling)
    assert exact
    for reached in (result.cost, cost[np.arange(n), permutation].mean(), np.sum(result.coupling * cost)):
        np.testing.assert_allclose(reached, cheapest, rtol=1e-12, atol=1e-15 * np.abs(cost).max())


@pytest.mark.parametrize("solver", [Emd(), Assignment()])
@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize("n", [1, 3, 49, 101])
def test_the_coupling_has_mass_one_and_uniform_marginals_on_both_sides(solver: Emd | Assignment, kind: str, n: int) -> None:
    coupling = solver(COSTS[kind](np.random.default_rng(n), n)).coupling
    assert coupling.min() >= 0.0
    np.testing.assert_allclose(coupling.sum(), 1.0, rtol=1e-12)
    for axis in (0, 1):
        np.testing.assert_allclose(coupling.sum(axis=axis), 1 / n, rtol=1e-12)
    assert np.count_nonzero(coupling) == n


@pytest.mark.parametrize("solver", [Emd(), Assignment()])
def test_rows_are_neurons_of_a_and_columns_neurons_of_b(solver: Emd | Assignment) -> None:
    a = np.random.default_rng(0).standard_normal((20, 4))
    planted = np.random.default_rng(1).permutation(20)
    result = solver(squared_distances(a, a[planted]))  # B's neuron j is A's neuron planted[j]
    permutation, exact = from_coupling(result.coupling)
    assert exact
    np.testing.assert_array_equal(planted[permutation], np.arange(20))
    np.testing.assert_allclose(result.cost, 0.0, atol=1e-14)


@pytest.mark.parametrize("solver", [Emd(), Assignment()])
def test_the_cost_matrix_is_not_changed_and_its_memory_order_does_not_matter(solver: Emd | Assignment) -> None:
    cost = np.random.default_rng(0).random((30, 30))
    before = cost.copy()
    assert solver(np.asfortranarray(cost)).cost == solver(cost).cost
    np.testing.assert_array_equal(cost, before)


@pytest.mark.parametrize("solver", [Emd(), Assignment()])
@pytest.mark.parametrize("shape", [(2, 3), (4,), (2, 2, 2)])
def test_a_cost_that_is_not_square_is_refused(solver: Emd | Assignment, shape: tuple[int, ...]) -> None:
    message = rf"`cost` must be a square matrix \(networks of one width\), got shape \({', '.join(map(str, shape))},?\)"
    with pytest.raises(ValueError, match=message):
        solver(np.zeros(shape))


@pytest.mark.parametrize("solver", [Emd(), Assignment()])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_cost_that_is_not_finite_is_refused(solver: Emd | Assignment, value: float) -> None:
    cost = np.zeros((3, 3))
    cost[1, 2] = value
    with pytest.raises(ValueError, match=r"^`cost` must be finite; a network with weights that are not finite cannot be matched\.$"):
        solver(cost)
