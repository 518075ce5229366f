"""All weights of neurons: what pairs of neurons cost is what the squared distance of the networks says, and statistics are no weights."""

from dataclasses import replace

import numpy as np
import pytest
from small_problems import GROUPS, WIDTH, below_of

from lmc_sweeps.matching.all_weights import own_distance, squared_distance, squares
from lmc_sweeps.matching.base import MatchingProblem
from lmc_sweeps.matching.rebasin import Rebasin


@pytest.mark.parametrize("group", GROUPS)
def test_what_a_permutation_of_one_group_costs_is_its_part_of_the_squared_distance(group: str, problem: MatchingProblem) -> None:
    orders = below_of(3)
    cost = Rebasin().ground_cost(problem, group, orders)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(WIDTH)
        moved = {**orders, group: order}
        np.testing.assert_allclose(cost[np.arange(WIDTH), order].sum(), own_distance(problem, group, moved), rtol=1e-12)
        others = squared_distance(problem, moved) - own_distance(problem, group, moved)
        np.testing.assert_allclose(others, squared_distance(problem, orders) - own_distance(problem, group, orders), rtol=1e-9)


def test_the_squared_distance_is_that_of_squares_and_products(problem: MatchingProblem) -> None:
    a, b = problem.a.weights, problem.b.weights
    products = sum(float(np.sum(a[name] * b[name])) for name in a)
    np.testing.assert_allclose(squared_distance(problem, {}), squares(problem, a) + squares(problem, b) - 2 * products, rtol=1e-12)


def test_statistics_count_neither_in_squares_nor_in_distances(problem: MatchingProblem) -> None:
    name = "hidden_2.weight"
    without = replace(problem, graph=replace(problem.graph, buffers=frozenset({name})))
    rows = problem.a.weights[name]
    np.testing.assert_allclose(squares(without, problem.a.weights), squares(problem, problem.a.weights) - np.sum(rows**2), rtol=1e-12)
    apart = float(np.sum((rows - problem.b.weights[name]) ** 2))
    np.testing.assert_allclose(squared_distance(without, {}), squared_distance(problem, {}) - apart, rtol=1e-12)
