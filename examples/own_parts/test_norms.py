"""The contract of a matching method: a planted permutation is recovered, and the cost is the smallest of all."""

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn

from lmc_sweeps import compare
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.base import NEEDS, MatchingProblem, NetworkView
from lmc_sweeps.matching.norms import Norms
from lmc_sweeps.maths.permutations import is_permutation
from lmc_sweeps.symmetry.graph import Graph


def small_problem(seed=0):
    rng = np.random.default_rng(seed)
    axes = {"hidden.weight": ("hidden", None), "hidden.bias": ("hidden",), "output.weight": (None, "hidden")}
    shapes = {"hidden.weight": (5, 3), "hidden.bias": (5,), "output.weight": (2, 5)}
    a, b = ({name: rng.standard_normal(shape) for name, shape in shapes.items()} for _ in range(2))
    return MatchingProblem(graph=Graph.by_hand(axes, a), views=(NetworkView(weights=a), NetworkView(weights=b)))


def test_it_needs_what_there_is():
    assert frozenset(NEEDS) >= Norms.needs


def test_a_planted_permutation_is_recovered():
    torch.manual_seed(0)
    network_a, network_b = (nn.Sequential(nn.Linear(5, 12), nn.ReLU(), nn.Linear(12, 3)) for _ in range(2))
    order = torch.randperm(12)
    state = network_a.state_dict()
    network_b.load_state_dict(
        {**state, "0.weight": state["0.weight"][order], "0.bias": state["0.bias"][order], "2.weight": state["2.weight"][:, order]}
    )
    data = torch.randn(50, 5), torch.randint(3, (50,))
    result = compare(network_a, network_b, train=data, test=data, matching=["norms"], points=3)
    assert torch.equal(order[result.permutations["norms"]["0"]], torch.arange(12))
    assert result.to_frame().set_index("matching").loc["norms", "loss_barrier"].max() < 1e-6


@pytest.mark.parametrize("biases", [False, True])
def test_the_cost_is_the_smallest_of_all_permutations(biases):
    problem = small_problem()
    result = Norms(biases=biases)(problem)
    rows = [[w["hidden.weight"], *([w["hidden.bias"][:, None]] if biases else [])] for w in (problem.a.weights, problem.b.weights)]
    a, b = (np.linalg.norm(np.concatenate(parts, axis=1), axis=1) for parts in rows)
    costs = [np.mean((a - b[list(order)]) ** 2) for order in permutations(range(5))]
    np.testing.assert_allclose(result.layers[0].matching_cost, min(costs), rtol=1e-12)
    np.testing.assert_allclose(result.layers[0].identity_cost, costs[0], rtol=1e-12)
    assert is_permutation(result.permutations["hidden"])


def test_settings_are_checked():
    with pytest.raises(InputError, match="`matching.norms.biases` must be true or false, got 1"):
        Norms(biases=1)
