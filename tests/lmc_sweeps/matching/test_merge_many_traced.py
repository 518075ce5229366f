"""Several traced networks in one frame, with streams and heads: functions stay, cycles close, f is that of all pairs and never falls."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.matching.merge_many import merge_many
from lmc_sweeps.matching.problem import MatchingProblem, NetworkView

NAMES = ["resnet20 batch", "vit chunked"]


def drawn(name: str, count: int) -> list[dict[str, Tensor]]:
    """Return the tensors of several networks of a traced kind, with drawn biases, scales and statistics."""
    networks = []
    for seed in range(count):
        torch.manual_seed(seed)
        state = NETWORKS[name].make().double().state_dict()
        networks.append({key: torch.rand_like(state[key]) + 0.5 if state[key].dim() == 1 else state[key] for key in graph_of(name).axes})
    return networks


def problem_of(name: str, networks: Sequence[Mapping[str, Tensor]]) -> MatchingProblem:
    views = tuple(NetworkView(weights={key: tensor.numpy() for key, tensor in network.items()}) for network in networks)
    return MatchingProblem(graph=graph_of(name), views=views, generator=np.random.default_rng(0))


def by_pairs(name: str, networks: Sequence[Mapping[str, Tensor]]) -> float:
    """Return the sum of the inner products of the parameters of all pairs, pair by pair."""
    parameters = [key for key in networks[0] if key not in graph_of(name).buffers]
    return sum(float((a[key] * b[key]).sum()) for a, b in itertools.combinations(networks, 2) for key in parameters)


@pytest.mark.parametrize("name", NAMES)
def test_traced_networks_keep_their_functions_and_their_cycles_close(name: str) -> None:
    networks, graph = drawn(name, 3), graph_of(name)
    problem = problem_of(name, networks)
    matched = merge_many(problem, starts=1)
    module, inputs = NETWORKS[name].make().double().eval(), NETWORKS[name].example().double()
    aligned = [graph.apply(network, orders) for network, orders in zip(networks, matched.permutations, strict=True)]
    for network, same in zip(networks, aligned, strict=True):
        outputs = torch.func.functional_call(module, network, (inputs,))
        torch.testing.assert_close(torch.func.functional_call(module, same, (inputs,)), outputs, rtol=0, atol=1e-9)
    trace = [by_pairs(name, networks), *matched.objective]
    assert trace == sorted(trace)
    assert trace[-1] == pytest.approx(by_pairs(name, aligned), rel=1e-10)
    for group, size in graph.sizes.items():
        by_way_of_1 = matched.between(1, 2)[group][matched.between(0, 1)[group]]
        np.testing.assert_array_equal(by_way_of_1, matched.between(0, 2)[group])
        np.testing.assert_array_equal(matched.between(2, 0)[group][by_way_of_1], np.arange(size))
