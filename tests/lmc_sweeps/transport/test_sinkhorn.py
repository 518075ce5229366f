"""`sinkhorn`: a coupling with the right marginals, never cheaper than the exact one, and equal to it in the limit."""

import numpy as np
import pytest
from small_costs import COSTS
from small_problems import networks

from lmc_sweeps import matching
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.base import LOCAL
from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.measuring.problems import matching_problem
from lmc_sweeps.transport.assignment import Assignment
from lmc_sweeps.transport.sinkhorn import Sinkhorn

by_kind = pytest.mark.parametrize("kind", COSTS)


@by_kind
@pytest.mark.parametrize("n", [1, 20])
@pytest.mark.parametrize("epsilon", [10.0, 0.01, 1e-4])
def test_its_marginals_are_uniform_and_it_costs_no_less_than_the_exact_transport(kind: str, n: int, epsilon: float) -> None:
    cost = COSTS[kind](np.random.default_rng(n), n)
    result = Sinkhorn(epsilon=epsilon)(cost)
    assert result.converged
    assert result.coupling.min() >= 0.0
    for axis in (0, 1):
        np.testing.assert_allclose(result.coupling.sum(axis=axis) * n, 1.0, rtol=0, atol=1e-6)
    np.testing.assert_allclose(result.cost, np.sum(result.coupling * cost), rtol=1e-12)
    assert result.cost >= Assignment()(cost).cost - 1e-6 * np.abs(cost).max()


@pytest.mark.parametrize("kind", ["uniform", "distances", "negative", "dead neurons"])
@pytest.mark.parametrize("n", [6, 12, 24])
def test_its_cost_falls_with_epsilon_to_the_exact_one_and_its_permutation_is_the_exact_one(kind: str, n: int) -> None:
    cost = COSTS[kind](np.random.default_rng(n), n)
    exact, size = Assignment()(cost), np.ptp(cost)
    results = [Sinkhorn(epsilon=epsilon)(cost) for epsilon in (1.0, 0.1, 0.01, 1e-3, 1e-5)]
    costs = np.array([result.cost for result in results])
    assert (np.diff(costs) <= 1e-6 * size).all()
    assert costs[0] > exact.cost + 1e-3 * size
    np.testing.assert_allclose(costs[-1], exact.cost, rtol=0, atol=1e-6 * size)
    permutation = from_coupling(results[-1].coupling)[0]
    np.testing.assert_allclose(cost[np.arange(n), permutation].mean(), exact.cost, rtol=1e-12, atol=1e-12 * size)
    if kind != "dead neurons":  # whose costs tie
        np.testing.assert_array_equal(permutation, exact.coupling.argmax(axis=1))


def test_no_change_of_mass_between_two_rows_and_two_columns_makes_the_entropic_cost_smaller() -> None:
    cost = np.random.default_rng(0).random((9, 9))
    epsilon = 0.05
    result = Sinkhorn(epsilon=epsilon)(cost)
    scale = epsilon * np.median(cost - cost.min())
    potential = cost + scale * np.log(result.coupling)  # the derivative, which is a sum over a row's and a column's number at the optimum
    exchanged = potential - potential[:1] - potential[:, :1] + potential[0, 0]
    np.testing.assert_allclose(exchanged, 0.0, atol=1e-5)


@pytest.mark.parametrize(("factor", "constant"), [(1e6, 0.0), (1e-6, 0.0), (1.0, 50.0), (1.0, -50.0)])
def test_epsilon_is_relative_to_the_scale_of_the_cost(factor: float, constant: float) -> None:
    cost = np.random.default_rng(0).random((16, 16))
    np.testing.assert_allclose(Sinkhorn()(factor * cost + constant).coupling, Sinkhorn()(cost).coupling, rtol=1e-4, atol=1e-12)


def test_a_large_epsilon_gives_every_pair_the_same_mass() -> None:
    cost = np.random.default_rng(0).random((8, 8))
    np.testing.assert_allclose(Sinkhorn(epsilon=1e7)(cost).coupling, 1 / 64, rtol=1e-6)


def test_equal_neurons_keep_their_order_after_rounding() -> None:
    assert from_coupling(Sinkhorn()(np.full((9, 9), 0.3)).coupling)[0].tolist() == list(range(9))
    kinds_a, kinds_b = np.array([0, 1, 0, 1, 1, 0]), np.array([1, 1, 0, 0, 0, 1])
    assert from_coupling(Sinkhorn()((kinds_a[:, None] != kinds_b).astype(float)).coupling)[0].tolist() == [2, 0, 3, 1, 5, 4]


@pytest.mark.parametrize("epsilon", [0.0, -1.0, np.nan, True])
def test_an_epsilon_that_is_not_positive_is_refused(epsilon: float) -> None:
    with pytest.raises(InputError, match=r"^`sinkhorn.epsilon` must be a finite number above 0, got "):
        Sinkhorn(epsilon=epsilon)


@pytest.mark.parametrize("shape", [(2, 3), (4,)])
def test_a_cost_that_is_not_square_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="`cost` must be a square matrix"):
        Sinkhorn()(np.zeros(shape))


def test_a_method_says_that_it_rounded_the_coupling_and_by_which_epsilon() -> None:
    architecture, a, b = networks()
    problem = matching_problem(architecture, [a, b], None, ("weights",))
    result = matching.choices()["weights"](transport="sinkhorn")(problem)
    assert (result.is_permutation, result.status) == (False, LOCAL)
    assert "layer 1: entropic, with epsilon 0.01 of " in result.sentence
    assert sorted(result.permutations["hidden_1"]) == list(range(11))
