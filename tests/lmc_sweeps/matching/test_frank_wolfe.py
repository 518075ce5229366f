"""Frank-Wolfe matching: what is proved of every step, planted permutations, and all permutations of small networks."""

import itertools

import numpy as np
import pytest
from numpy.polynomial import Polynomial
from small_chains import Axes, apart, chain, moved, problem_of, residual

from lmc_sweeps.matching.frank_wolfe import STARTS, FrankWolfe, Point, best_step, line, replaced, step
from lmc_sweeps.matching.problem import MatchingProblem
from lmc_sweeps.matching.soft_maps import Block, blocks_of, gradient, inner_product, matrix

SIZES = (4, 12, 12, 12, 3)


def pair(seed: int, sizes: tuple[int, ...] = SIZES) -> tuple[Axes, MatchingProblem]:
    axes, a = chain(sizes, seed)
    return axes, problem_of(axes, a, chain(sizes, 100 + seed)[1])


def points(problem: MatchingProblem, number: int, start: str = "barycentre") -> tuple[list[Block], list[Point]]:
    """Return the first points of a search."""
    blocks = blocks_of(problem)
    path = [Point.at(blocks, {group: STARTS[start](size) for group, size in problem.sizes.items()})]
    for _ in range(number):
        path.append(step(blocks, path[-1]))
    return blocks, path


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("seed", range(3))
def test_no_step_lowers_f_no_gap_is_negative_and_soft_permutations_are_doubly_stochastic(start: str, seed: int) -> None:
    blocks, path = points(pair(seed)[1], 8, start)
    for before, after in itertools.pairwise(path):
        assert after.value >= before.value - 1e-9 * abs(before.value)
    for point in path:
        slopes = {group: gradient(blocks, group, point.maps) for group in point.maps}
        gap = sum(float(np.sum(slopes[group] * (matrix(point.targets[group]) - soft))) for group, soft in point.maps.items())
        assert gap >= -1e-9
        assert point.gap == pytest.approx(gap, rel=1e-9, abs=1e-9)
        for soft in point.maps.values():
            assert soft.min() >= -1e-12
            np.testing.assert_allclose([soft.sum(0), soft.sum(1)], 1, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_segment_f_is_the_polynomial_and_the_step_is_its_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks, path = points(pair(seed)[1], 3)
    for point in path:
        polynomial = line(blocks, point)
        for t in rng.random(3):
            assert polynomial(t) == pytest.approx(inner_product(blocks, point.towards_targets(t)), rel=1e-9)
        best = best_step(polynomial)
        assert polynomial(best) >= max(polynomial(t) for t in np.linspace(0, 1, 101)) - 1e-9
        _, slope, *higher = polynomial.coef
        assert best == (1.0 if higher[0] >= 0 or -slope / (2 * higher[0]) >= 1 else pytest.approx(-slope / (2 * higher[0]), rel=1e-9))


@pytest.mark.parametrize("leading", [1.0, 1e-10, 1e-15])
@pytest.mark.parametrize("degree", [1, 3, 4])
def test_the_best_place_of_a_polynomial_of_any_degree_even_if_rounding_alone_makes_it_one(degree: int, leading: float) -> None:
    grid = np.linspace(0, 1, 10_001)
    for seed in range(20):
        coefficients = np.random.default_rng(seed).standard_normal(degree + 1)
        polynomial = Polynomial([*coefficients[:-1], leading * coefficients[-1]])
        assert 0 <= best_step(polynomial) <= 1
        assert polynomial(best_step(polynomial)) >= polynomial(grid).max() - 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_what_replaces_soft_permutations_at_any_point_has_no_lower_f(seed: int) -> None:
    blocks, path = points(pair(seed)[1], 3)
    for point in path:
        orders = replaced(blocks, point.maps, 1e-9)
        assert inner_product(blocks, orders) >= point.value - 1e-9 * abs(point.value)


@pytest.mark.parametrize("start", STARTS)
def test_the_objective_is_the_squared_distance_and_never_rises(start: str) -> None:
    axes, problem = pair(0)
    result = FrankWolfe(start=start)(problem)
    a, b = problem.a.weights, problem.b.weights
    assert all(after <= before * (1 + 1e-9) for before, after in itertools.pairwise(result.objective))
    assert result.objective[-1] == pytest.approx(apart(a, moved(axes, b, result.permutations)), rel=1e-12)
    assert result.objective[-1] < apart(a, b)
    assert len(result.statistics["gap"]) == len(result.objective)  # of the start and every iteration; the last distance has none
    assert (result.statistics["gap"][-1] < 1e-6, result.status, result.converged) == (True, "local", True)


def test_at_its_limit_it_says_so_and_its_permutations_are_no_farther_than_the_soft_ones() -> None:
    result = FrankWolfe(iterations=1)(pair(0)[1])
    assert (result.status, result.is_permutation, len(result.objective)) == ("not_converged", False, 2)
    assert result.sentence.endswith("not 0 yet")
    assert result.objective[1] <= result.objective[0]


@pytest.mark.parametrize("sizes", [(20, 32, 10), (12, 32, 32, 32, 10)])
@pytest.mark.parametrize("seed", range(20))
def test_planted_permutations_of_plain_networks_are_recovered(sizes: tuple[int, ...], seed: int) -> None:
    axes, a = chain(sizes, seed)
    assert_recovered(axes, a, seed)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("shape", [(16, 32, 2, 10), (64, 128, 4, 10)])
def test_planted_permutations_of_residual_networks_are_recovered(shape: tuple[int, int, int, int], seed: int) -> None:
    axes, a = residual(*shape, seed)
    assert_recovered(axes, a, seed)


def assert_recovered(axes: Axes, a: dict[str, np.ndarray], seed: int) -> None:
    rng = np.random.default_rng(seed)
    orders = {group: rng.permutation(size) for group, size in problem_of(axes, a, a).sizes.items()}
    result = FrankWolfe()(problem_of(axes, a, moved(axes, a, orders)))
    for group, order in orders.items():
        np.testing.assert_array_equal(order[result.permutations[group]], np.arange(len(order)))
    assert result.objective[-1] == 0


@pytest.mark.parametrize("start", STARTS)
def test_of_two_equal_networks_it_moves_nothing(start: str) -> None:
    axes, a = chain((4, 9, 9, 3), 0)
    result = FrankWolfe(start=start)(problem_of(axes, a, a))
    assert result.objective[-1] == 0
    for order in result.permutations.values():
        np.testing.assert_array_equal(order, np.arange(9))


@pytest.mark.parametrize("seed", range(4))
def test_with_one_hidden_layer_it_is_the_best_of_all_permutations(seed: int) -> None:
    axes, problem = pair(seed, (3, 5, 2))
    best = min(apart(problem.a.weights, moved(axes, problem.b.weights, {"h1": np.array(p)})) for p in itertools.permutations(range(5)))
    assert FrankWolfe()(problem).objective[-1] == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_no_permutation_of_one_group_is_better_and_none_of_all_is_worse_than_the_best(seed: int) -> None:
    axes, problem = pair(seed, (3, 4, 4, 2))
    a, b, permutations = problem.a.weights, problem.b.weights, [np.array(p) for p in itertools.permutations(range(4))]
    result = FrankWolfe()(problem)
    for group in ("h1", "h2"):
        alone = min(apart(a, moved(axes, b, {**result.permutations, group: order})) for order in permutations)
        assert result.objective[-1] == pytest.approx(alone, rel=1e-12)
    best = min(apart(a, moved(axes, b, {"h1": one, "h2": two})) for one in permutations for two in permutations)
    assert result.objective[-1] >= best * (1 - 1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("start", STARTS)
def test_a_group_on_both_axes_of_one_tensor(seed: int, start: str) -> None:
    rng = np.random.default_rng(seed)
    axes: Axes = {"u": ("h", None), "square": ("h", "h"), "v": (None, "h")}
    shapes = {"u": (5, 1), "square": (5, 5), "v": (1, 5)}
    a, b = ({name: rng.standard_normal(shape) for name, shape in shapes.items()} for _ in range(2))
    result = FrankWolfe(start=start)(problem_of(axes, a, b))
    assert all(after <= before * (1 + 1e-9) for before, after in itertools.pairwise(result.objective[:-1]))
    assert result.objective[-1] == pytest.approx(apart(a, moved(axes, b, result.permutations)), rel=1e-12)
    best = min(apart(a, moved(axes, b, {"h": np.array(p)})) for p in itertools.permutations(range(5)))
    assert best * (1 - 1e-12) <= result.objective[-1] < apart(a, b)
    assert_recovered(axes, a, seed)


def test_neurons_that_no_weight_tells_apart_stay_where_they_are() -> None:
    axes, a = chain((4, 9, 9, 3), 0)
    for name, axis in (("w1", 0), ("b1", 0), ("w2", 1)):
        np.moveaxis(a[name], axis, 0)[2:6] = 0.0
    result = FrankWolfe()(problem_of(axes, a, a))
    assert result.objective[-1] == 0
    np.testing.assert_array_equal(result.permutations["h1"], np.arange(9))
