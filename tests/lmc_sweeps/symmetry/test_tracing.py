"""The symmetry graphs of architectures that users have: as many groups as were counted by hand, and the function is kept."""

import numpy as np
import pytest
import torch
from torch import nn
from traced_networks import NETWORKS, Traced

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.proof import ROUNDING, prove
from lmc_sweeps.symmetry.tracing import trace


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_groups_are_those_counted_beforehand_and_keep_the_function(network: Traced) -> None:
    torch.manual_seed(0)
    module, example = network.make(), network.example()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    graph = trace(module, example)
    assert sorted(graph.sizes.values()) == sorted(network.sizes)
    assert tuple(limit.operation for limit in graph.limits) == network.unknown
    assert {name: tuple(axis.size for axis in axes) for name, axes in graph.axes.items()} == {
        name: tuple(tensor.shape) for name, tensor in module.state_dict().items() if tensor.is_floating_point() and name not in graph.tied
    }
    proof = prove(module, graph, example, np.random.default_rng(0))
    assert proof.gap <= ROUNDING
    assert proof.idle == ()
    assert module.training  # it was not changed
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_an_operation_without_a_rule_is_named_with_the_tensors_that_lose_freedom() -> None:
    network = NETWORKS["cumsum"]
    (limit,) = trace(network.make(), network.example()).limits
    assert limit.operation == "cumsum"
    assert limit.tensors == ("one.weight", "one.bias", "two.weight")


def test_groups_come_in_the_order_in_which_they_are_computed_whatever_the_order_of_parameters() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.two, self.one = nn.Linear(7, 3), nn.Linear(6, 7), nn.Linear(5, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.relu(self.two(torch.relu(self.one(x)))))

    graph = trace(Backwards(), torch.randn(2, 5))
    assert dict(graph.sizes) == {"one": 6, "two": 7}
    assert list(graph.axes) == ["head.weight", "head.bias", "two.weight", "two.bias", "one.weight", "one.bias"]
    assert [axis.reads for axis in graph.axes["two.weight"]] == [False, True]


def test_axes_of_equal_length_are_not_taken_for_one_another() -> None:
    """Everything has six places: inputs, both hidden layers, the outputs, the examples and the positions of a convolution."""
    square = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
    assert trace(square, torch.randn(6, 6)).sizes == {"0": 6, "2": 6}
    images = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1))
    assert trace(images, torch.randn(6, 6, 6, 6)).sizes == {"0": 6}


def test_a_module_that_cannot_be_exported_is_a_sentence() -> None:
    class Choosing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(InputError, match=r"^Choosing cannot be traced: torch\.export stops with .* `permutation_spec`\.$"):
        trace(Choosing(), torch.randn(2, 3))
