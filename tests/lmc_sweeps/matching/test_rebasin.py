"""Git Re-Basin's weight matching: what is proved of it, and against all permutations of small networks."""

import itertools

import numpy as np
import pytest
from small_chains import apart, chain, moved, problem_of
from small_problems import networks

from lmc_sweeps.matching.base import MatchingProblem, NetworkView
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.measuring.problems import matching_problem
from lmc_sweeps.symmetry.graph import Graph

NEEDS = ("weights", "generator")


@pytest.mark.parametrize("sizes", [(20, 32, 10), (12, 32, 32, 32, 10)])
@pytest.mark.parametrize("seed", range(4))
def test_planted_permutations_of_plain_networks_are_recovered(sizes: tuple[int, ...], seed: int) -> None:
    axes, a = chain(sizes, seed)
    rng = np.random.default_rng(seed)
    planted = {f"h{k}": rng.permutation(sizes[k]) for k in range(1, len(sizes) - 1)}
    result = Rebasin()(problem_of(axes, a, moved(axes, a, planted)))
    for group, order in planted.items():
        np.testing.assert_array_equal(order[result.permutations[group]], np.arange(len(order)))
    assert result.objective[-1] == 0


@pytest.mark.parametrize("seed", range(4))
def test_with_one_hidden_layer_the_first_sweep_is_the_best_of_all_permutations(seed: int) -> None:
    axes, a = chain((3, 5, 2), seed)
    _, b = chain((3, 5, 2), 100 + seed)
    result = Rebasin(starts=1)(problem_of(axes, a, b))
    best = min(apart(a, moved(axes, b, {"h1": np.array(order)})) for order in itertools.permutations(range(5)))
    np.testing.assert_allclose(result.objective, [best] * len(result.objective), rtol=1e-12)
    assert len(result.objective) <= 2


def test_of_two_equal_networks_it_moves_nothing() -> None:
    axes, a = chain((4, 9, 9, 3), 0)
    result = Rebasin()(problem_of(axes, a, a))
    assert result.objective[-1] == 0
    for order in result.permutations.values():
        np.testing.assert_array_equal(order, np.arange(9))


@pytest.mark.parametrize("starts", [1, 4])
def test_the_objective_is_the_squared_distance_never_rises_and_is_the_least_of_all_starts(starts: int) -> None:
    axes, a = chain((4, 12, 12, 12, 3), 0)
    _, b = chain((4, 12, 12, 12, 3), 1)
    result = Rebasin(starts=starts)(problem_of(axes, a, b))
    assert list(result.objective) == sorted(result.objective, reverse=True)
    np.testing.assert_allclose(result.objective[-1], apart(a, moved(axes, b, result.permutations)), rtol=1e-12)
    ends = result.statistics["squared_distance"]
    assert (len(ends), min(ends)) == (starts, result.objective[-1])
    assert result.objective[-1] < apart(a, b)


def test_the_same_generator_gives_the_same_search() -> None:
    axes, a = chain((4, 12, 12, 3), 0)
    _, b = chain((4, 12, 12, 3), 1)
    one, other = (Rebasin()(problem_of(axes, a, b, seed=5)) for _ in range(2))
    assert one.objective == other.objective
    for group, order in one.permutations.items():
        np.testing.assert_array_equal(order, other.permutations[group])


@pytest.mark.parametrize("size", [0.1, 0.01])
@pytest.mark.parametrize("seed", range(3))
def test_the_counterexample_to_one_pass_layer_by_layer(size: float, seed: int) -> None:
    # Ainsworth et al., appendix A.7.2: linear networks, f_A(x) = x and f_B(x) = (1 + size) x.
    axes: dict[str, tuple[str | None, ...]] = {"w1": ("h1", None), "w2": ("h2", "h1"), "w3": (None, "h2")}
    first = np.array([[1.0], [1.0 + size]])
    a = {"w1": first, "w2": np.diag([1.0, size]), "w3": np.array([[1.0, 0.0]])}
    b = {"w1": first, "w2": np.diag([0.0, 1.0]), "w3": np.array([[0.0, 1.0]])}
    slopes = {}
    for method in (Weights(), Rebasin(starts=1)):
        orders = method(problem_of(axes, a, b, seed)).permutations
        half = {name: (a[name] + mapped) / 2 for name, mapped in moved(axes, b, orders).items()}
        slopes[method.name] = float((half["w3"] @ half["w2"] @ half["w1"])[0, 0])
    assert slopes["rebasin"] == pytest.approx(1 + size / 2, rel=1e-12)
    assert slopes["weights"] < 0.5 + 2 * size


@pytest.mark.parametrize("seed", range(6))
def test_a_group_on_both_axes_of_one_tensor_never_makes_the_distance_larger(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes: dict[str, tuple[str | None, ...]] = {"u": ("h", None), "square": ("h", "h"), "v": (None, "h")}
    shapes = {"u": (6, 1), "square": (6, 6), "v": (1, 6)}
    a, b = ({name: rng.standard_normal(shape) for name, shape in shapes.items()} for _ in range(2))
    result = Rebasin(starts=3)(problem_of(axes, a, b))
    trace = [apart(a, b), *result.objective] if result.statistics["squared_distance"][0] == result.objective[-1] else result.objective
    assert list(trace) == sorted(trace, reverse=True)
    np.testing.assert_allclose(result.objective[-1], apart(a, moved(axes, b, result.permutations)), rtol=1e-12)


def test_statistics_of_batch_norms_are_no_weights() -> None:
    axes, a = chain((4, 9, 3), 0)
    _, b = chain((4, 9, 3), 1)
    plain = Rebasin()(problem_of(axes, a, b))
    axes |= {"mean": ("h1",)}
    rng = np.random.default_rng(0)
    a, b = ({**weights, "mean": 100 * rng.standard_normal(9)} for weights in (a, b))
    graph = Graph.by_hand(axes, a, buffers=["mean"])
    views = (NetworkView(weights=a), NetworkView(weights=b))
    result = Rebasin()(MatchingProblem(graph=graph, views=views, generator=np.random.default_rng(0)))
    np.testing.assert_array_equal(result.permutations["h1"], plain.permutations["h1"])
    assert result.objective == plain.objective


def test_it_is_nearer_than_one_pass_on_networks_of_two_layers() -> None:
    architecture, a, b = networks()
    problem = matching_problem(architecture, [a, b], None, NEEDS, np.random.default_rng(0))
    result = Rebasin()(problem)
    one_pass = Weights(biases=True, outgoing=True)(problem)
    distances = [apart(problem.a.weights, {n: t.numpy() for n, t in problem.graph.apply(b, r.maps).items()}) for r in (result, one_pass)]
    np.testing.assert_allclose(distances[0], result.objective[-1], rtol=1e-12)
    assert distances[0] < distances[1]
