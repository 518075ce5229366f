"""Transports: marginals, and the cost that assignment, network simplex and brute force agree on; honest when stopped early."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from lmc_sweeps.maths.ground_costs import squared_distances
from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.transport.assignment import Assignment
from lmc_sweeps.transport.emd import Emd


def of_dead_neurons(rng: np.random.Generator, n: int) -> np.ndarray:
    rows = rng.standard_normal((n, 5))
    rows[::2] = 0.0  # half of the neurons are equal
    return squared_distances(rows, rows[rng.permutation(n)])


COSTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "uniform": lambda rng, n: rng.random((n, n)),
    "distances": lambda rng, n: squared_distances(rng.standard_normal((n, 5)), rng.standard_normal((n, 5))),
    "integers": lambda rng, n: rng.integers(0, 4, (n, n)),  # many ties, and an integer type
    "dead neurons": of_dead_neurons,
    "constant": lambda rng, n: np.full((n, n), 0.3),
    "zero": lambda rng, n: np.zeros((n, n)),
    "sum": lambda rng, n: rng.random(n)[:, None] + rng.random(n)[None, :],  # every permutation costs the same
    "product": lambda rng, n: rng.random(n)[:, None] * rng.random(n)[None, :],
    "tiny": lambda rng, n: 1e-9 * rng.random((n, n)),
    "huge": lambda rng, n: 1e9 * rng.random((n, n)),
    "negative": lambda rng, n: rng.standard_normal((n, n)),
    "wide range": lambda rng, n: 10.0 ** rng.uniform(-6, 3, (n, n)),
}


@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 32, 101, 256])
def test_emd_and_assignment_cost_the_same(kind: str, n: int) -> None:
    cost = COSTS[kind](np.random.default_rng(n), n)
    emd, assignment = Emd()(cost), Assignment()(cost)
    # Costs, not permutations: ties are real.
    np.testing.assert_allclose(emd.cost, assignment.cost, rtol=1e-11, atol=1e-15 * np.abs(cost).max())
    assert (emd.converged, emd.sentence) == (True, "optimal")
    assert (assignment.converged, assignment.sentence) == (True, "optimal")


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


@pytest.mark.parametrize("n", [2, 10, 50])
def test_an_iteration_limit_of_one_is_reported_as_not_converged(n: int) -> None:
    # pytest turns warnings into errors: POT's own warning must have become the sentence.
    cost = np.random.default_rng(0).random((n, n))
    result = Emd(max_iterations=1)(cost)
    assert not result.converged
    assert result.sentence.startswith("POT's emd did not converge (numItermax reached")
    assert not from_coupling(result.coupling)[1]
    assert Emd()(cost).converged


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
