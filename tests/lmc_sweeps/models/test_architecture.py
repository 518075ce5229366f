"""What every architecture has by default: gradients by autograd, no padding, no bound; and stacks of networks."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.models.architecture import Architecture, line_by, stacked, unstack
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.shape import Shape
from lmc_sweeps.symmetry.maps import Coupling, Permutation

SHAPE = Shape((6,), 5, 2, 3)
MLP = Mlp(activation="tanh")
NETWORKS = [MLP.initial(SHAPE, np.random.default_rng(k)) for k in range(3)]


class Plain(Architecture):
    """Linear logits, and nothing beyond what an architecture must have."""

    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        return inputs @ stack["weight"].mT

    activations = sources = line_logits = module = NotImplemented


class OneBatch(Plain):
    """It takes one batch for all networks only."""

    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        return (inputs.unsqueeze(0) @ stack["weight"].mT.unsqueeze(1)).movedim(0, 1)


def test_a_stack_is_its_networks() -> None:
    stack = stacked(NETWORKS)
    for k, network in enumerate(NETWORKS):
        assert all(torch.equal(tensor, network[name]) for name, tensor in unstack(stack, k).items())


def test_gradients_by_autograd_are_those_by_hand() -> None:
    architecture, inputs = MLP.architecture(SHAPE), torch.randn(3, 7, 6, generator=torch.Generator().manual_seed(0))
    stack = stacked(NETWORKS)
    by_hand, by_autograd = ({name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()} for _ in range(2))
    architecture.gradients(stack, inputs, torch.sin, by_hand)
    Architecture.gradients(architecture, stack, inputs, torch.sin, by_autograd)
    for name, gradient in by_hand.items():
        torch.testing.assert_close(by_autograd[name], gradient, rtol=1e-5, atol=1e-6)


def test_a_forward_that_does_not_take_a_batch_for_each_network_is_refused() -> None:
    stack, inputs = {"weight": torch.ones(2, 5, 18)}, torch.ones(2, 16, 18)
    words = r"^`forward` of a OneBatch must take one batch for each network .* for inputs \(2, 16, 18\) it returned \(2, 2, 16, 5\)\.$"
    with pytest.raises(InputError, match=words):
        OneBatch().gradients(stack, inputs, torch.sin, {name: torch.empty_like(tensor) for name, tensor in stack.items()})


def test_nothing_is_padded_and_no_bound_is_proved_unless_an_architecture_says_so() -> None:
    network, inputs = {"weight": torch.ones(5, 18)}, torch.ones(4, 18)
    plain = Plain()
    assert torch.equal(plain.padded(network)["weight"], network["weight"])
    assert torch.equal(plain.unpadded(network, {"weight": network["weight"].shape})["weight"], network["weight"])
    assert plain.padded_inputs(inputs) is inputs
    assert math.isnan(plain.certifier(network, network, inputs)(network))


def test_networks_take_vectors_unless_an_architecture_says_else() -> None:
    images = torch.arange(24.0).view(2, 3, 2, 2)
    assert torch.equal(Plain().taken(images), torch.arange(24.0).view(2, 12))
    assert torch.equal(Plain().taken(images.flatten(1)), images.flatten(1))


def test_an_architecture_without_products_in_bfloat16_refuses_that_precision() -> None:
    sentence = r"^`precision` must be float32 for a Plain, which cannot take its products in torch\.bfloat16\.$"
    for results in (True, False):
        with pytest.raises(InputError, match=sentence):
            Plain().with_products_in(torch.bfloat16, results=results)


def test_a_line_by_default_is_the_forward_of_interpolated_networks_and_ends_are_computed_once() -> None:
    architecture, (a, b) = MLP.architecture(SHAPE), NETWORKS[:2]
    graph, inputs, t = architecture.graph(b), torch.randn(7, 6, generator=torch.Generator().manual_seed(0)), torch.linspace(0, 1, 5)
    rng = np.random.default_rng(0)
    plan = rng.uniform(0.5, 1.5, (5, 5))
    maps = [{}, {"hidden_1": Permutation(rng.permutation(5))}, {"hidden_2": Coupling(plan / plan.sum())}]
    calls = []

    def forward(stack: Mapping[str, Tensor], examples: Tensor) -> Tensor:
        calls.append(1)
        return architecture.forward(stack, examples)

    logits = line_by(forward, graph, a, b, maps, t, inputs)
    for each, line in zip(maps, logits, strict=True):
        expected = architecture.forward(interpolate(a, graph.apply(b, each), t), inputs)
        torch.testing.assert_close(line, expected, rtol=1e-5, atol=1e-6)
    assert len(calls) == 2 + 3 * 3 + 1  # two ends, three points of each line, and the end of the line to what is not B's function
    torch.testing.assert_close(architecture.line_logits(a, b, maps, t, inputs), logits, rtol=1e-5, atol=1e-6)
