"""Gradients by hand against their definition: every product of rounded factors, each rounded for itself; and against autograd."""

import pytest
import torch
from torch import nn

from lmc_sweeps.models.chain_layer import Layer
from lmc_sweeps.models.chain_products import Chain
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.products import Products

# To the bit: `test_gradients_are_those_of_autograd` has the formulas.
BEFORE = {nn.ReLU: lambda gradient, h: gradient * (h > 0), nn.Tanh: torch.ops.aten.tanh_backward}
PLAIN = Products()


def chain(kinds, products=PLAIN, bias=True):
    hidden = [Layer(f"hidden_{k}", bias, (kind(),)) for k, kind in enumerate(kinds)]
    return Chain([*hidden, Layer("output", bias)], products)


def networks(layers, sizes, count=3):
    rng = torch.Generator().manual_seed(0)
    stack = {}
    for layer, (d, m) in zip(layers, zip(sizes[:-1], sizes[1:], strict=True), strict=True):
        stack[f"{layer.name}.weight"] = torch.randn(count, m, d, generator=rng) / d**0.5
        if layer.has_bias:
            stack[f"{layer.name}.bias"] = torch.randn(count, m, generator=rng)
    return stack, torch.randn(count, 9, sizes[0], generator=rng)


def by_definition(layers, products, stack, inputs, gradient):
    """Return the gradients, every product by `multiplied`."""

    def multiplied(left, right):
        rounded = left.to(products.dtype), right.to(products.dtype)
        return (rounded[0] @ rounded[1]).float() if products.rounds_results else rounded[0].float() @ rounded[1].float()

    hidden, out = [inputs], {}
    for layer in layers[:-1]:
        z = multiplied(hidden[-1], stack[f"{layer.name}.weight"].mT)
        hidden.append(layer.after[0](z + stack[f"{layer.name}.bias"].unsqueeze(1) if layer.has_bias else z))
    for k in range(len(layers) - 1, -1, -1):
        out[f"{layers[k].name}.weight"] = multiplied(gradient.mT, hidden[k])
        if layers[k].has_bias:
            out[f"{layers[k].name}.bias"] = gradient.sum(1)
        if k:
            at_h = multiplied(gradient, stack[f"{layers[k].name}.weight"])
            gradient = BEFORE[type(layers[k - 1].after[0])](at_h, hidden[k])
    return out


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("results", [True, False])
@pytest.mark.parametrize("kinds", [(nn.ReLU, nn.ReLU), (nn.Tanh, nn.Tanh), (nn.ReLU, nn.Tanh, nn.ReLU, nn.Tanh), ()])
def test_gradients_are_those_of_the_definition_where_a_number_is_rounded_for_each_product(kinds, results, bias):
    tested = chain(kinds, Products(torch.bfloat16, results), bias)
    stack, inputs = networks(tested.layers, [6, *[5] * len(kinds), 4])
    at_logits = torch.randn(3, 9, 4, generator=torch.Generator().manual_seed(1))
    expected = by_definition(tested.layers, tested.products, stack, inputs, at_logits)
    for taken in (inputs, tested.products.factor(inputs)):  # of a dataset that was rounded beforehand too
        out = {name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()}
        tested.write_gradients(stack, taken, lambda logits: at_logits, out)
        for name in stack:
            torch.testing.assert_close(out[name], expected[name], rtol=0 if results else 1e-6, atol=0 if results else 1e-6)


@pytest.mark.parametrize("kinds", [(nn.ReLU,), (nn.Tanh, nn.ReLU, nn.Tanh)])
def test_gradients_are_those_of_autograd(kinds):
    tested = chain(kinds)
    stack, inputs = networks(tested.layers, [6, *[5] * len(kinds), 4])
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in stack.items()}
    tested.onward(leaves, tested.linear(0, leaves, inputs)).square().sum().backward()
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()}
    tested.write_gradients(stack, inputs, lambda logits: 2 * logits, out)
    for name, leaf in leaves.items():
        torch.testing.assert_close(out[name], leaf.grad, rtol=1e-5, atol=1e-5)


def test_a_derivative_that_is_not_known_is_left_to_autograd():
    assert chain([nn.ReLU, nn.Tanh]).has_gradients
    assert not chain([nn.ReLU, nn.GELU]).has_gradients
    assert not Chain([Layer("a", True, (nn.ReLU(), nn.Dropout(0.1))), Layer("output", True)]).has_gradients
    assert not Chain([Layer("output", True, (nn.ReLU(),))]).has_gradients


def test_inputs_are_rounded_beforehand_where_products_alone_read_them():
    class Skipping(FeedForward):
        """One whose `forward` may read the inputs themselves."""

    inputs = torch.randn(4, 6)
    layers = [Layer("hidden_1", True, (nn.ReLU(),)), Layer("output", True)]
    assert FeedForward(layers, 4).rounded_inputs(inputs) is inputs
    rounded = FeedForward(layers, 4).with_products_in(torch.bfloat16).rounded_inputs(inputs)
    assert torch.equal(rounded, inputs.bfloat16())
    assert Skipping(layers, 4).with_products_in(torch.bfloat16).rounded_inputs(inputs) is inputs
