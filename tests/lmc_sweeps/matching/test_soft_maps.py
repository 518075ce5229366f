"""Soft permutations on factors of axes: permutations as matrices are what the graph applies, and the gradient is that of differences."""

import numpy as np
import pytest
import torch
from small_chains import problem_of
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.matching.all_weights import squared_distance, squares
from lmc_sweeps.matching.base import MatchingProblem, NetworkView
from lmc_sweeps.matching.soft_maps import blocks_of, gradient, inner_product, matrix
from lmc_sweeps.maths.orthogonal import random_orthogonal
from lmc_sweeps.symmetry.head_maps import InHeads

NAMES = ["vit chunked", "densenet", "resnet20 group"]  # factors, concatenations, and both in convolutions with statistics


def traced(name: str) -> MatchingProblem:
    torch.manual_seed(0)
    states = [NETWORKS[name].make().double().state_dict() for _ in range(2)]
    graph = graph_of(name)
    views = tuple(NetworkView(weights={tensor: state[tensor].numpy() for tensor in graph.axes}) for state in states)
    return MatchingProblem(graph=graph, views=views)


def doubly_stochastic(n: int, rng: np.random.Generator) -> np.ndarray:
    shares = rng.dirichlet(np.ones(4))
    return sum((share * np.eye(n)[rng.permutation(n)] for share in shares), np.zeros((n, n)))


@pytest.mark.parametrize("name", NAMES)
def test_orders_and_their_matrices_give_the_inner_product_of_the_networks_that_the_graph_moves(name: str) -> None:
    problem, rng = traced(name), np.random.default_rng(1)
    blocks = blocks_of(problem)
    orders = {group: rng.permutation(size) for group, size in problem.sizes.items()}
    total = squares(problem, problem.a.weights) + squares(problem, problem.b.weights)
    tensors = {tensor: torch.from_numpy(values) for tensor, values in problem.b.weights.items()}
    applied = problem.graph.apply(tensors, orders)
    parameters = [tensor for tensor in tensors if tensor not in problem.graph.buffers]
    expected = sum(float(np.sum(problem.a.weights[tensor] * applied[tensor].numpy())) for tensor in parameters)
    assert inner_product(blocks, orders) == pytest.approx(expected, rel=1e-10)
    assert inner_product(blocks, {group: matrix(order) for group, order in orders.items()}) == pytest.approx(expected, rel=1e-10)
    assert squared_distance(problem, orders) == pytest.approx(total - 2 * expected, rel=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_differences(name: str) -> None:
    problem, rng = traced(name), np.random.default_rng(2)
    blocks = blocks_of(problem)
    maps = {group: doubly_stochastic(size, rng) for group, size in problem.sizes.items()}
    for group in problem.groups[:4]:
        direction = rng.standard_normal(maps[group].shape)
        ends = [inner_product(blocks, {**maps, group: maps[group] + sign * 1e-4 * direction}) for sign in (1, -1)]
        slope = float(np.vdot(gradient(blocks, group, maps), direction))
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-6)


def test_matrices_inside_of_heads_are_those_that_the_graph_applies_and_products_of_places_are_slopes() -> None:
    problem, rng = traced("vit chunked"), np.random.default_rng(4)
    blocks, orders = blocks_of(problem), {group: rng.permutation(size) for group, size in problem.sizes.items()}
    inside = next(group for group in problem.groups if group.endswith("[1]"))  # coordinates of three heads
    heads = inside.removesuffix("[1]") + "[0]"
    matrices = np.stack([random_orthogonal(problem.sizes[inside], rng) for _ in range(problem.sizes[heads])])
    tensors = {tensor: torch.from_numpy(values) for tensor, values in problem.b.weights.items()}
    applied = problem.graph.apply(tensors, {**orders, inside: InHeads(matrices)})
    names = [tensor for tensor in tensors if tensor not in problem.graph.buffers]
    maps = {**orders, inside: matrices}
    assert inner_product(blocks, maps) == pytest.approx(
        sum(float(np.sum(problem.a.weights[name] * applied[name].numpy())) for name in names), rel=1e-10
    )
    distance = sum(float(np.sum((problem.a.weights[name] - applied[name].numpy()) ** 2)) for name in names)
    assert sum(block.distance(maps) for block in blocks) == pytest.approx(distance, rel=1e-10)
    products = sum(block.products(maps, k - 1, k) for block in blocks for k, group in enumerate(block.groups) if group == inside)
    step = rng.standard_normal(matrices.shape)  # the inner product is linear in the matrices: its slope is that of heads in their order
    of_pairs = products.swapaxes(1, 2)[np.arange(len(step)), orders[heads]]
    change = inner_product(blocks, {**maps, inside: matrices + step}) - inner_product(blocks, maps)
    assert change == pytest.approx(float(np.vdot(of_pairs, step)), rel=1e-9)


def test_a_group_on_both_axes_of_one_tensor_has_both_slopes() -> None:
    rng = np.random.default_rng(3)
    a, b = ({"square": rng.standard_normal((5, 5))} for _ in range(2))
    soft = doubly_stochastic(5, rng)
    blocks = blocks_of(problem_of({"square": ("h", "h")}, a, b))
    expected = a["square"] @ soft @ b["square"].T + a["square"].T @ soft @ b["square"]
    np.testing.assert_allclose(gradient(blocks, "h", {"h": soft}), expected, rtol=1e-12)
    assert inner_product(blocks, {"h": soft}) == pytest.approx(float(np.sum(a["square"] * (soft @ b["square"] @ soft.T))), rel=1e-12)
