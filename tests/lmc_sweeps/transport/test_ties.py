"""Ties: the rule that chooses among permutations of equal cost, for both transports; neither rounding nor the solver decides."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from lmc_sweeps.maths.ground_costs import squared_distances
from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.transport.assignment import Assignment
from lmc_sweeps.transport.base import Transport
from lmc_sweeps.transport.emd import Emd
from lmc_sweeps.transport.ties import RESOLUTION, TieRule

SOLVERS = [Emd(), Assignment()]
by_solver = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
Rows = np.ndarray


def points(n: int, seed: int = 0, d: int = 4) -> Rows:
    return np.random.default_rng(seed).standard_normal((n, d)) / np.sqrt(d)


def dead(n: int, share: float) -> np.ndarray:
    """Return costs between clouds of which a share of the points is 0."""
    a, b = points(n), points(n, 1)
    a[: round(share * n)] = b[np.random.default_rng(2).permutation(n)[: round(share * n)]] = 0.0
    return squared_distances(a, b)


def duplicates(n: int) -> np.ndarray:
    """Return costs between a cloud whose points are there three times and its points in another order: planted, with ties."""
    a = np.repeat(points(-(-n // 3)), 3, axis=0)[:n]
    return squared_distances(a, a[np.random.default_rng(2).permutation(n)])


# Costs of about 1, with ties.
TIED: dict[str, Callable[[int], np.ndarray]] = {
    "a third is dead": lambda n: dead(n, 1 / 3),
    "most are dead": lambda n: dead(n, 0.9),
    "duplicates": duplicates,
    "duplicates of one network": lambda n: squared_distances(np.repeat(points(n), 2, axis=0)[:n], points(n, 1)),
    "constant": lambda n: np.full((n, n), 0.7),
    "sums": lambda n: np.add.outer(points(n)[:, 0], points(n, 1)[:, 0]) + 3,
    "small integers": lambda n: np.random.default_rng(n).integers(0, 4, (n, n)).astype(float),
}
by_tie = pytest.mark.parametrize("tie", TIED)


def permutation(solver: Transport, cost: np.ndarray, *criteria: np.ndarray) -> list[int]:
    chosen, exact = from_coupling(solver(cost, TieRule(criteria=[lambda second=second: second for second in criteria])).coupling)
    assert exact
    return chosen.tolist()


@by_tie
@pytest.mark.parametrize("n", [8, 33, 64])
def test_both_transports_find_the_same_and_a_billionth_more_or_less_changes_nothing(tie: str, n: int) -> None:
    cost = TIED[tie](n)
    expected = permutation(Emd(), cost)
    assert permutation(Assignment(), cost) == expected
    for seed in range(5):
        noise = 1e-9 * np.random.default_rng(seed).uniform(-1, 1, cost.shape)
        for solver in SOLVERS:
            assert permutation(solver, cost + noise) == expected
            assert permutation(solver, cost * (1 + noise)) == expected
            assert permutation(solver, np.maximum(cost + noise, 0.0)) == expected


@by_tie
@by_solver
@pytest.mark.parametrize("n", [8, 33])
def test_a_second_criterion_decides_before_the_places_do(solver: Transport, tie: str, n: int) -> None:
    cost, second = TIED[tie](n), np.random.default_rng(n).random((n, n))
    expected = permutation(solver, cost, second)
    lowest = np.array([cost[np.arange(n), choice].mean() for choice in (expected, permutation(solver, cost))])
    np.testing.assert_allclose(lowest[0], lowest[1], rtol=1e-12, atol=1e-15)
    noise = 1e-9 * np.random.default_rng(1).uniform(-1, 1, cost.shape)
    for other in SOLVERS:
        assert permutation(other, cost + noise, second - noise) == expected


@by_solver
@pytest.mark.parametrize("seed", range(8))
def test_of_all_permutations_of_least_cost_the_one_that_the_rule_names_is_chosen(solver: Transport, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 6
    cost, second = (rng.integers(0, 3, (n, n)).astype(float) for _ in range(2))
    places = np.subtract.outer(np.arange(n), np.arange(n)) ** 2

    def key(order: tuple[int, ...]) -> tuple[float, ...]:
        return tuple(matrix[range(n), order].sum() for matrix in (cost, second, places))

    least = min(map(key, itertools.permutations(range(n))))
    assert key(tuple(permutation(solver, cost, second))) == least


@by_solver
def test_equal_neurons_keep_their_order(solver: Transport) -> None:
    assert permutation(solver, np.full((9, 9), 0.3)) == list(range(9))
    # Two kinds of neurons: those of a kind are paired in order.
    kinds_a, kinds_b = np.array([0, 1, 0, 1, 1, 0]), np.array([1, 1, 0, 0, 0, 1])
    assert permutation(solver, (kinds_a[:, None] != kinds_b).astype(float)) == [2, 0, 3, 1, 5, 4]


@by_solver
def test_where_costs_differ_by_more_than_the_resolution_nothing_but_the_costs_decides(solver: Transport) -> None:
    # 0.5 is the scale. The second criterion and the places are for the exchange, and it costs a little more.
    for more, expected in ((3 * RESOLUTION, [1, 0]), (RESOLUTION / 10, [0, 1])):
        cost = 0.5 + np.array([[more, 0.0], [0.0, 0.0]])
        assert permutation(solver, cost) == expected
        assert permutation(solver, cost, 1.0 - np.eye(2)) == expected
    assert permutation(solver, 0.5 + np.array([[0.0, RESOLUTION / 10], [0.0, 0.0]]), np.eye(2)) == [1, 0]


@by_solver
@pytest.mark.parametrize("n", [8, 50])
def test_a_criterion_is_looked_at_only_where_there_is_a_tie(solver: Transport, n: int) -> None:
    def unwanted() -> np.ndarray:
        raise AssertionError("there is no tie")

    cost = squared_distances(points(n), points(n, 1))
    np.testing.assert_array_equal(solver(cost, TieRule(criteria=[unwanted])).coupling, solver(cost).coupling)
    with pytest.raises(AssertionError, match="there is no tie"):
        solver(np.zeros((n, n)), TieRule(criteria=[unwanted]))


@by_solver
@by_tie
def test_the_cost_that_is_reported_is_that_of_the_coupling(solver: Transport, tie: str) -> None:
    cost = TIED[tie](33)
    result = solver(cost, TieRule(criteria=[lambda: points(33, 3, 33)]))
    np.testing.assert_allclose(result.cost, np.sum(result.coupling * cost), rtol=1e-12)
