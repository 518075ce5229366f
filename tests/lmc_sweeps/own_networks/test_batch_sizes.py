"""Batch sizes by memory: what an example needs against counts by hand, and the bounds."""

import pytest
import torch
from callers_networks import CLASSES, IN, X, dense, network_of
from torch import nn

from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.sequential import from_sequential
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.own_networks import batch_sizes
from lmc_sweeps.own_networks.batch_sizes import MOST, batch_size_of, bytes_per_example, free_memory
from lmc_sweeps.own_networks.modules import OwnNetwork, own_network
from lmc_sweeps.symmetry.graph import Graph

WIDE = 512
SPEC = {"a.weight": ("h", None), "a.bias": ("h",), "o.weight": (None, "h"), "o.bias": (None,)}


def wide() -> OwnNetwork:
    return own_network("network A", dense(WIDE))


def architecture(network: OwnNetwork) -> TorchModule:
    return TorchModule(network.module, Graph.by_hand(SPEC, network.parameters))


def test_the_bytes_of_an_example_are_those_of_its_own_activations_and_no_weights():
    largest, total, outputs = bytes_per_example(wide(), X)
    assert (largest, outputs) == (4 * WIDE, 4 * CLASSES)
    assert total == 4 * (IN + 2 * WIDE + CLASSES)  # a copy of the inputs, before and after the ReLU, logits


def test_one_example_is_enough_and_activations_may_be_larger_than_inputs_and_outputs():
    image = torch.randn(1, 3, 6, 6)
    build = network_of(
        lambda s, x: s.o(torch.relu(s.a(x)).mean((2, 3))), a=lambda: nn.Conv2d(3, 40, 3, padding=1), o=lambda: nn.Linear(40, 3)
    )
    assert bytes_per_example(own_network("network A", build()), image)[::2] == (4 * 40 * 36, 4 * 3)


@pytest.mark.parametrize("methods", [(Identity(), Weights()), (Identity(), Activations())])
def test_memory_decides_between_one_example_and_the_most(monkeypatch, methods):
    network = wide()

    def size(free: float, points: int = 25) -> int:
        monkeypatch.setattr(batch_sizes, "free_memory", lambda device: free)
        return batch_size_of("auto", architecture(network), network, X, methods, points)

    sizes = [size(free) for free in (0.0, 1e6, 1e7, 1e8, 1e12)]
    assert sizes[0] == 1
    assert sizes == sorted(sizes)
    assert sizes[-1] == MOST
    assert 1 < sizes[1] < MOST
    assert size(1e6, points=101) < sizes[1]


@pytest.mark.parametrize(("cache", "size"), [(1, 32), (2048 * 100, 100), (2**40, MOST)])
def test_on_a_cpu_the_largest_activation_stays_in_the_cache_unless_examples_become_too_few(monkeypatch, cache, size):
    monkeypatch.setattr(batch_sizes, "CACHE", cache)
    network = wide()
    assert batch_size_of("auto", architecture(network), network, X, (Identity(),), 25) == size


def test_a_number_is_taken_as_it_is_and_a_chain_has_always_the_most(monkeypatch):
    monkeypatch.setattr(batch_sizes, "free_memory", lambda device: 0.0)
    network = wide()
    assert batch_size_of(7, architecture(network), network, X, (Identity(),), 25) == 7
    chain = from_sequential(nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 3)))
    assert batch_size_of("auto", chain, network, X, (Identity(),), 25) == MOST


def test_free_memory_is_some_and_less_than_the_machine_could_have():
    assert 2**20 < free_memory(torch.device("cpu")) < 2**50
