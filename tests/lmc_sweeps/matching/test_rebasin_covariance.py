"""Git Re-Basin's search in the metric of activations: against roots by singular values, moments of permuted networks, and all permutations."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from small_problems import GROUPS, WIDTH, below_of, explicit, inputs, networks

from lmc_sweeps.matching.all_weights import squared_distance
from lmc_sweeps.matching.base import MatchingProblem, Moments, NetworkView
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.matching.rebasin_covariance import RebasinCovariance, root_of, weighted
from lmc_sweeps.maths.ground_costs import squared_distances
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.symmetry.axes import Axis, Factor
from lmc_sweeps.symmetry.graph import Graph

ProblemOf = Callable[..., MatchingProblem]


def root_by_svd(second: np.ndarray) -> np.ndarray:
    left, values, right = np.linalg.svd(second)
    return (left * np.sqrt(values)) @ right


def seeded(problem: MatchingProblem, seed: int = 0) -> MatchingProblem:
    return replace(problem, generator=np.random.default_rng(seed))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_cost_is_the_distance_of_all_weights_times_the_roots_of_moments(k: int, problem: MatchingProblem) -> None:
    orders = below_of(3)
    below, above = f"hidden_{k - 1}" if k > 1 else "input", f"hidden_{k + 1}" if k < 3 else "output"
    sides = []
    for view, moved in ((problem.a, {}), (problem.b, orders)):
        read, own = (root_by_svd(view.moments[key].second) for key in (below, f"hidden_{k}"))
        incoming = view.weights[f"hidden_{k}.weight"] @ read
        outgoing = view.weights[f"{above}.weight"] @ own
        incoming = incoming[:, moved[below]] if below in moved else incoming
        outgoing = outgoing[moved[above]] if above in moved else outgoing
        sides.append(np.column_stack([incoming, view.weights[f"hidden_{k}.bias"], outgoing.T]))
    cost = RebasinCovariance().ground_cost(problem, f"hidden_{k}", orders)
    np.testing.assert_allclose(cost, explicit(*sides, np.eye(sides[0].shape[1])), rtol=1e-6, atol=1e-9)


def test_what_is_read_by_both_networks_alike_has_the_cost_of_covariance(problem: MatchingProblem) -> None:
    a, b = (view.weights["hidden_1.weight"] for view in weighted(problem).views)
    np.testing.assert_allclose(squared_distances(a, b), Covariance().ground_cost(problem, "hidden_1", {}), rtol=1e-9)


def test_with_unit_moments_it_is_rebasin(problem: MatchingProblem) -> None:
    moments = {key: Moments(np.zeros_like(moment.mean), np.eye(len(moment.mean))) for key, moment in problem.a.moments.items()}
    unit = replace(problem, views=tuple(replace(view, moments=moments) for view in problem.views))
    one, plain = RebasinCovariance()(seeded(unit)), Rebasin()(seeded(unit))
    np.testing.assert_allclose(one.objective, plain.objective, rtol=1e-12)
    for group in GROUPS:
        np.testing.assert_array_equal(one.permutations[group], plain.permutations[group])


@pytest.mark.parametrize("starts", [1, 4])
def test_the_objective_never_rises_and_is_the_distance_with_the_moments_of_the_permuted_network(starts: int, problem_of: ProblemOf) -> None:
    architecture, a, b = networks()
    problem = problem_of(architecture, a, b, inputs())
    result = RebasinCovariance(starts=starts)(problem)
    assert list(result.objective) == sorted(result.objective, reverse=True)
    assert result.objective[-1] < squared_distance(weighted(problem), {})
    moved = problem_of(architecture, a, apply_permutations(b, architecture.spec, result.permutations), inputs())
    assert result.objective[-1] == pytest.approx(squared_distance(weighted(moved), {}), rel=1e-9)
    assert (len(result.statistics["squared_distance"]), result.status) == (starts, "local")


@pytest.mark.parametrize("seed", range(4))
def test_planted_permutations_are_recovered_and_of_two_equal_networks_nothing_moves(seed: int, problem_of: ProblemOf) -> None:
    architecture, a, _ = networks()
    rng = np.random.default_rng(seed)
    orders = {group: rng.permutation(WIDTH) for group in GROUPS}
    result = RebasinCovariance()(problem_of(architecture, a, apply_permutations(a, architecture.spec, orders), inputs()))
    for group, order in orders.items():
        np.testing.assert_array_equal(order[result.permutations[group]], np.arange(WIDTH))
    assert result.objective[-1] < 1e-12
    same = RebasinCovariance()(problem_of(architecture, a, a, inputs()))
    assert same.objective[-1] == 0
    for order in same.permutations.values():
        np.testing.assert_array_equal(order, np.arange(WIDTH))


@pytest.mark.parametrize("seed", range(3))
def test_with_one_hidden_layer_it_is_the_best_of_all_permutations(seed: int, problem_of: ProblemOf) -> None:
    shape, settings = Shape((6,), 5, 1, 4), Mlp()
    a, b = (settings.initial(shape, np.random.default_rng([seed, k])) for k in (0, 1))
    problem = problem_of(settings.architecture(shape), a, b, inputs().float())
    within = weighted(problem)
    best = min(squared_distance(within, {"hidden_1": np.array(order)}) for order in itertools.permutations(range(5)))
    assert RebasinCovariance(starts=1)(problem).objective[-1] == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("seed", range(2))
def test_concatenations_positions_and_products_are_weighted_as_they_are_read(seed: int) -> None:
    rng = np.random.default_rng(seed)
    segments = ((Factor(3, "g"), Factor(2)), (Factor(2, "heads"), Factor(4, "inner")))  # g at two positions; heads times what is inside
    axes = (Axis(((Factor(5, "out"),),)), Axis(segments, reads=True), Axis(((Factor(2),),)))  # and a kernel of two places
    graph = Graph({"w": axes, "mean": axes[:1]}, {"g": 3, "heads": 2, "inner": 4, "out": 5}, buffers=frozenset({"mean"}))
    reads = {"w": ("g", "heads x inner")}
    orders = {group: rng.permutation(size) for group, size in graph.sizes.items()}
    activations = {"g": rng.standard_normal((50, 3)), "heads x inner": rng.standard_normal((50, 8))}
    w = rng.standard_normal((5, 14, 2))
    places = np.arange(8).reshape(2, 4)[orders["heads"]][:, orders["inner"]].ravel()
    moved = {"g": activations["g"][:, orders["g"]], "heads x inner": activations["heads x inner"][:, places]}
    views = tuple(
        NetworkView(
            weights={"w": weights, "mean": np.zeros(5)},
            moments={key: Moments(values.mean(0), values.T @ values / 50) for key, values in network.items()},
        )
        for weights, network in ((w, activations), (w[orders["out"]][:, axes[1].order(orders)], moved))
    )
    problem = weighted(MatchingProblem(graph=graph, views=views, reads=reads))
    assert squared_distance(problem, {}) > 1
    assert squared_distance(problem, {group: np.argsort(order) for group, order in orders.items()}) < 1e-20
    roots = [root_by_svd(views[0].moments[key].second) for key in reads["w"]]
    first = np.einsum("okpx,kl->olpx", w[:, :6].reshape(5, 3, 2, 2), roots[0]).reshape(5, 6, 2)
    second = np.einsum("okx,kl->olx", w[:, 6:], roots[1])
    np.testing.assert_allclose(problem.a.weights["w"], np.concatenate([first, second], axis=1), rtol=1e-9)


@pytest.mark.parametrize("reads", [{}, {"w": ("tokens",)}])
def test_what_no_product_shows_counts_as_one_input_at_a_time(reads: dict[str, tuple[str, ...]]) -> None:
    w = np.arange(12.0).reshape(3, 4)
    view = NetworkView(weights={"w": w}, moments={})
    problem = MatchingProblem(graph=Graph.by_hand({"w": ("h", None)}, {"w": w}), views=(view, view), reads=reads)
    np.testing.assert_allclose(weighted(problem).a.weights["w"], w / 2, rtol=1e-15)


def test_the_root_of_moments_without_full_rank() -> None:
    rows = np.random.default_rng(0).standard_normal((3, 7))
    second = rows.T @ rows
    np.testing.assert_allclose(root_of(second) @ root_of(second), second, atol=1e-12)
    np.testing.assert_allclose(root_of(second), root_of(second).T, atol=1e-12)
