"""Gradients by hand against their definition: every product of rounded factors, each rounded for itself; and against autograd."""

import pytest
import torch
from torch import nn

from lmc_sweeps.models.chain_gradients import ChainGradients
from lmc_sweeps.models.chain_layer import Layer
from lmc_sweeps.models.chain_products import Chain
from lmc_sweeps.models.products import Products

# To the bit: `test_gradients_are_those_of_autograd` has the formulas.
BEFORE = {nn.ReLU: lambda gradient, h: gradient * (h > 0), nn.Tanh: torch.ops.aten.tanh_backward}
PLAIN = Products()


def chain(kinds, products=PLAIN, bias=True):
    hidden = [Layer(f"hidden_{k}", bias, (kind(),)) for k, kind in enumerate(kinds)]
    return Chain([*hidden, Layer("output", bias)], products)


def gradients_of(tested, stack, out, n_outputs=None):
    return ChainGradients(tested.layers, tested.products, stack, out, n_outputs)


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
    for taken in (inputs, tested.products.factor(inputs)):  # a dataset may be rounded beforehand
        out = {name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()}
        gradients_of(tested, stack, out).write(taken, lambda logits: at_logits)
        for name in stack:
            torch.testing.assert_close(out[name], expected[name], rtol=0 if results else 1e-6, atol=0 if results else 1e-6)


@pytest.mark.parametrize("kinds", [(nn.ReLU,), (nn.Tanh, nn.ReLU, nn.Tanh)])
def test_gradients_are_those_of_autograd(kinds):
    tested = chain(kinds)
    stack, inputs = networks(tested.layers, [6, *[5] * len(kinds), 4])
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in stack.items()}
    tested.onward(leaves, tested.linear(0, leaves, inputs)).square().sum().backward()
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()}
    for at_logits in (lambda logits: 2 * logits, lambda logits: logits.mul_(2)):  # a loss may overwrite the logits
        gradients_of(tested, stack, out).write(inputs, at_logits)
        for name, leaf in leaves.items():
            torch.testing.assert_close(out[name], leaf.grad, rtol=1e-5, atol=1e-5)


def test_a_derivative_that_is_not_known_is_left_to_autograd():
    def are_known(*layers):
        return ChainGradients.knows(layers)

    output = Layer("output", True)
    assert are_known(Layer("a", True, (nn.ReLU(),)), Layer("b", True, (nn.Tanh(),)), output)
    assert not are_known(Layer("a", True, (nn.ReLU(),)), Layer("b", True, (nn.GELU(),)), output)
    assert not are_known(Layer("a", True, (nn.ReLU(), nn.Dropout(0.1))), output)
    assert not are_known(Layer("output", True, (nn.ReLU(),)))


@pytest.mark.parametrize("kinds", [(nn.ReLU, nn.ReLU), (nn.Tanh, nn.ReLU)])
@pytest.mark.parametrize("products", [PLAIN, Products(torch.bfloat16), Products(torch.bfloat16, False)])
def test_a_batch_has_the_gradients_that_it_has_alone_whatever_was_computed_before(kinds, products):
    tested = chain(kinds, products)
    stack, inputs = networks(tested.layers, [6, 5, 5, 4])
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()}
    writer = gradients_of(tested, stack, out)
    batches = [inputs, inputs[:, :4] * 2, inputs.flip(1), inputs[:, 3:7]]
    for step, batch in enumerate(batches):
        for tensor in stack.values():  # training changes them in their memory
            tensor.mul_(1 + 0.1 * step)
        writer.write(batch, torch.sin)
        alone = {name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()}
        gradients_of(tested, {name: tensor.clone() for name, tensor in stack.items()}, alone).write(batch.clone(), torch.sin)
        assert all(torch.equal(out[name], alone[name]) for name in stack)


@pytest.mark.parametrize("first", [9, 4])  # training may go on from the last batch of an epoch, which is short
@pytest.mark.parametrize("products", [PLAIN, Products(torch.bfloat16)])
def test_batches_of_every_size_share_the_memory_of_the_largest(products, first):
    tested = chain((nn.ReLU, nn.Tanh), products)
    stack, inputs = networks(tested.layers, [6, 5, 5, 4])
    inputs = products.factor(inputs)
    writer = gradients_of(tested, stack, {name: torch.empty_like(tensor) for name, tensor in stack.items()})
    for size in (first, 9, 4):
        writer.write(inputs[:, :size], torch.neg_)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        writer.write(inputs[:, :7], torch.neg_)
    assert sum(max(event.self_cpu_memory_usage, 0) for event in profile.events()) == 0


@pytest.mark.parametrize("products", [PLAIN, Products(torch.bfloat16)])
@pytest.mark.parametrize(("outputs", "classes"), [(16, 10), (16, 16), (10, 10), (32, 10), (272, 260)])
def test_gradients_of_the_cross_entropy_are_those_of_its_gradient_at_the_logits(products, outputs, classes):
    tested = chain((nn.ReLU,), products)
    stack, inputs = networks(tested.layers, [6, 16, outputs])
    targets = torch.eye(classes)[torch.randint(classes, (3, 9), generator=torch.Generator().manual_seed(2))] * 0.9 + 0.1 / classes
    by_loss, by_gradient = ({name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()} for _ in range(2))
    gradients_of(tested, stack, by_loss, classes).write_of_cross_entropy(inputs, targets)
    gradients_of(tested, stack, by_gradient, classes).write(inputs, lambda logits: (logits.softmax(-1) - targets) / 9)
    for name in stack:
        torch.testing.assert_close(by_loss[name], by_gradient[name], rtol=1e-5 if products is PLAIN else 2**-7, atol=1e-7)
    for name, tensor in by_loss.items():
        if name.startswith("output"):
            assert not tensor[:, classes:].any()  # what padding has added stays as it is
