"""The symmetry graphs of architectures that users have: as many groups as were counted by hand, and the function is kept."""

import numpy as np
import pytest
import torch
from torch import nn
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.proof import ROUNDING, prove
from lmc_sweeps.symmetry.tracing import trace


@pytest.mark.parametrize("name", NETWORKS)
def test_groups_are_those_counted_beforehand_and_keep_the_function(name: str) -> None:
    torch.manual_seed(0)
    network, graph = NETWORKS[name], graph_of(name)
    module, example = network.make(), network.example()
    assert sorted(graph.sizes.values()) == sorted(network.sizes)
    assert tuple(limit.operation for limit in graph.limits) == network.unknown
    assert {name: tuple(axis.size for axis in axes) for name, axes in graph.axes.items()} == {
        name: tuple(tensor.shape) for name, tensor in module.state_dict().items() if tensor.is_floating_point() and name not in graph.tied
    }
    proof = prove(module, graph, example, np.random.default_rng(0))
    assert proof.gap <= ROUNDING
    assert proof.idle == ()


def test_neither_tracing_nor_the_proof_changes_the_module() -> None:
    module, example = NETWORKS["resnet20 batch"].make(), NETWORKS["resnet20 batch"].example()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    prove(module, trace(module, example), example, np.random.default_rng(0), draws=1)
    assert module.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_an_operation_without_a_rule_is_named_with_the_tensors_that_lose_freedom() -> None:
    (limit,) = graph_of("cumsum").limits
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


@pytest.mark.parametrize(
    ("module", "example", "sentence"),
    [
        ({}, torch.ones(2, 3), r"^`module` must be a torch\.nn\.Module, got dict\.$"),
        (nn.Linear(3, 2), torch.ones(2, 4), r"^`example` must be what a Linear takes, got \(2, 4\) in torch\.float32: its forward raised RuntimeError: "),
        (nn.Linear(3, 2), None, r"^`example` must be what a Linear takes, got NoneType: its forward raised TypeError: "),
    ],
    ids=["state dict", "wrong shape", "nothing"],
)  # fmt: skip
def test_what_cannot_be_an_example_is_a_sentence(module, example, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        trace(module, example)


def test_freedom_that_a_rule_cannot_divide_is_named() -> None:
    class Halves(nn.Module):
        """Heads whose halves are exchanged, as rotary embeddings do."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(5, 12), nn.Linear(12, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            one, other = self.first(x).view(len(x), 3, 4).chunk(2, -1)
            return self.last(torch.cat([other, one], -1).flatten(1))

    graph = trace(Halves(), torch.randn(2, 5))
    assert graph.limits
    assert "first.weight" in graph.limits[0].tensors


def test_forms_that_no_rule_expects_are_unknown_and_no_error() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.w, self.last = nn.Linear(5, 6), nn.Parameter(torch.randn(6)), nn.Linear(7, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = torch.relu(self.first(x))
            return self.last(torch.cat([h, torch.nn.functional.linear(h, self.w)[:, None], x[:, :0]], 1))

    graph = trace(Odd(), torch.randn(2, 5))
    assert prove(Odd(), graph, torch.randn(2, 5), np.random.default_rng(0)).gap <= ROUNDING
