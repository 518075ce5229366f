"""What every architecture has by default: gradients by autograd, no padding, no bound."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.architecture import Architecture
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.shape import Shape
from lmc_sweeps.models.stack import stacked

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
