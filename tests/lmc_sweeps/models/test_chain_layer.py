"""Layers of a chain: activations act on each neuron alone, derivatives are autograd's, and those called 1-Lipschitz are."""

import pytest
import torch
from torch import nn

from lmc_sweeps.models.chain_layer import DERIVATIVES, ELEMENTWISE, LIPSCHITZ, ChainModule, Layer

GRID = torch.linspace(-8.0, 8.0, 4001, dtype=torch.float64)


def named(kind: type[nn.Module]) -> str:
    return kind.__name__


@pytest.mark.parametrize("kind", ELEMENTWISE, ids=named)
def test_an_elementwise_activation_acts_on_each_neuron_alone(kind: type[nn.Module]) -> None:
    module = kind().eval()
    assert Layer("hidden", True, (module, nn.Identity())).is_elementwise
    torch.testing.assert_close(
        module(GRID.flip(0)), module(GRID).flip(0), rtol=1e-12, atol=0
    )  # in another order some are rounded otherwise
    torch.testing.assert_close(module(GRID[:1]), module(GRID)[:1], rtol=1e-12, atol=0)


def test_a_layer_that_combines_neurons_is_not_elementwise() -> None:
    class Squared(nn.ReLU):
        """A subclass may do anything."""

    for module in (nn.Softmax(-1), nn.LayerNorm(3), Squared()):
        assert not Layer("hidden", True, (nn.ReLU(), module)).is_elementwise


@pytest.mark.parametrize("kind", DERIVATIVES, ids=named)
def test_the_gradient_through_an_activation_is_autograds(kind: type[nn.Module]) -> None:
    inputs, gradient = GRID.clone().requires_grad_(), torch.cos(GRID)
    outputs = kind()(inputs)
    (expected,) = torch.autograd.grad(outputs, inputs, gradient)
    torch.testing.assert_close(DERIVATIVES[kind](gradient, outputs.detach()), expected, rtol=0, atol=0)


@pytest.mark.parametrize("kind", LIPSCHITZ, ids=named)
def test_an_activation_called_lipschitz_moves_two_inputs_no_further_apart(kind: type[nn.Module]) -> None:
    assert float(kind().eval()(GRID).diff().abs().max()) <= float(GRID.diff().max()) * (1 + 1e-9)


@pytest.mark.parametrize("kind", [nn.GELU, nn.SiLU, nn.Mish, nn.SELU], ids=named)
def test_those_that_are_steeper_somewhere_are_not_called_so(kind: type[nn.Module]) -> None:
    assert kind not in LIPSCHITZ
    assert float((kind()(GRID).diff() / GRID.diff()).max()) > 1.01


def test_a_chain_sees_images_as_vectors_and_everything_else_as_a_sequential_does() -> None:
    layers = nn.Linear(12, 5), nn.Tanh()
    chain, plain = ChainModule(*layers), nn.Sequential(*layers)
    images = torch.arange(24.0).view(2, 3, 2, 2)
    assert torch.equal(chain(images), plain(images.flatten(1)))
    for vectors in (images.flatten(1), images[0].flatten(), torch.ones(4, 2, 12)):
        assert torch.equal(chain(vectors), plain(vectors))


def test_a_layer_is_linear_where_no_activation_function_follows() -> None:
    assert Layer("a", True).is_linear
    assert Layer("a", True, (nn.Identity(), nn.Dropout(0.5).eval())).is_linear
    assert not Layer("a", True, (nn.Identity(), nn.ReLU())).is_linear
