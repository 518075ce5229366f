"""Frank-Wolfe matching of traced networks, with streams, heads and concatenations: B's order makes no difference."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.matching.base import MatchingProblem, NetworkView
from lmc_sweeps.matching.frank_wolfe import FrankWolfe, Point, line, step
from lmc_sweeps.matching.soft_maps import blocks_of, inner_product

NAMES = ["resnet20 batch", "vit chunked"]


def alive(name: str, seed: int) -> dict[str, Tensor]:
    """Return the tensors of a network with drawn biases, scales and statistics, so that no two channels are the same."""
    torch.manual_seed(seed)
    state = NETWORKS[name].make().double().state_dict()
    return {tensor: torch.rand_like(state[tensor]) + 0.5 if state[tensor].dim() == 1 else state[tensor] for tensor in graph_of(name).axes}


def problem_of(name: str, *networks: dict[str, Tensor]) -> MatchingProblem:
    views = tuple(NetworkView(weights={tensor: values.numpy() for tensor, values in network.items()}) for network in networks)
    return MatchingProblem(graph=graph_of(name), views=views)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_bs_neurons_makes_no_difference(name: str) -> None:
    a, b = alive(name, 3), alive(name, 4)
    rng = np.random.default_rng(2)
    orders = {group: rng.permutation(size) for group, size in graph_of(name).sizes.items()}
    one, other = (FrankWolfe()(problem_of(name, a, network)) for network in (b, graph_of(name).apply(b, orders)))
    for group, order in orders.items():
        np.testing.assert_array_equal(order[other.permutations[group]], one.permutations[group])
    np.testing.assert_allclose(other.objective, one.objective, rtol=1e-10)
    planted = FrankWolfe()(problem_of(name, a, graph_of(name).apply(a, orders)))
    for group, order in orders.items():
        np.testing.assert_array_equal(order[planted.permutations[group]], np.arange(len(order)))
    assert planted.objective[-1] == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_step_goes_to_the_best_point_of_its_segment(name: str) -> None:
    problem, rng = problem_of(name, alive(name, 3), alive(name, 4)), np.random.default_rng(0)
    blocks = blocks_of(problem)
    path = [Point.at(blocks, {group: np.full((size, size), 1 / size) for group, size in problem.sizes.items()})]
    for _ in range(3):
        path.append(step(blocks, path[-1]))
    for before, after in itertools.pairwise(path):
        polynomial = line(blocks, before)
        for t in rng.random(3):
            assert polynomial(t) == pytest.approx(inner_product(blocks, before.towards_targets(t)), rel=1e-9)
        assert after.value >= before.value - 1e-9 * abs(before.value)
        assert after.value == pytest.approx(max(polynomial(t) for t in np.linspace(0, 1, 1001)), rel=1e-5)
        assert after.gap >= 0
