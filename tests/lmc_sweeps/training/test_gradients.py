"""Gradients of the training loss: by hand those of PyTorch's cross-entropy, for examples and tokens, smoothed or not."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from normalised_networks import architecture, convolutions, drawn, normal, stack_of

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.models.base import Shape, stacked
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mean_field import MeanField
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.gradients import gradient_writer, loss_gradient, target_table

CLASSES = 3


def test_the_gradient_of_the_loss_is_softmax_minus_target_over_the_batch():
    logits = torch.log(torch.tensor([[[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]]], dtype=torch.float64))  # probabilities in eighths and quarters
    gradient = loss_gradient(logits, torch.tensor([[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]], dtype=torch.float64))
    torch.testing.assert_close(gradient, torch.tensor([[[1 / 16, -6 / 16, 5 / 16], [-3 / 8, 1 / 8, 2 / 8]]], dtype=torch.float64))


@pytest.mark.parametrize("items", [(7,), (4, 5)], ids=["examples", "tokens"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_the_gradient_is_that_of_pytorchs_cross_entropy_with_label_smoothing(smoothing, items):
    logits = normal(2, *items, CLASSES).requires_grad_()
    labels = torch.randint(CLASSES, (2, *items), generator=torch.Generator().manual_seed(0))
    gradient = loss_gradient(logits.detach(), target_table(CLASSES, smoothing, logits)[labels])
    for k in range(2):
        F.cross_entropy(logits[k].flatten(0, -2), labels[k].flatten(), label_smoothing=smoothing).backward()
    torch.testing.assert_close(gradient, logits.grad, rtol=1e-12, atol=1e-15)


def test_targets_are_distributions_and_unit_vectors_without_smoothing():
    table = target_table(4, 0.2, torch.zeros(1, dtype=torch.float64))
    torch.testing.assert_close(table.sum(1), torch.ones(4, dtype=torch.float64), rtol=1e-15, atol=0)
    assert torch.equal(target_table(4, 0.0, table), torch.eye(4, dtype=torch.float64))


def test_gradients_and_statistics_of_batch_norms_are_those_of_pytorchs_training_mode():
    code, stack = architecture(), stack_of(convolutions, 2)
    inputs, labels = normal(2, 8, 2, 6, 6, seed=3), torch.randint(CLASSES, (2, 8), generator=torch.Generator().manual_seed(1))
    statistics = code.graph({}).buffers
    assert statistics == {f"{layer}.running_{kind}" for layer in (1, 4) for kind in ("mean", "var")}
    out = {name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items() if name not in statistics}
    modules = [drawn(convolutions, seed).train() for seed in (0, 1)]
    gradient_writer(code, stack, statistics, out)(inputs, torch.eye(CLASSES, dtype=torch.float64)[labels])
    for k, module in enumerate(modules):
        F.cross_entropy(module(inputs[k]), labels[k]).backward()
        for name, parameter in module.named_parameters():
            torch.testing.assert_close(out[name][k], parameter.grad, rtol=1e-10, atol=1e-12)
        for name, buffer in module.named_buffers():
            if name in statistics:
                torch.testing.assert_close(stack[name][k], buffer, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("precision", [None, torch.bfloat16])
@pytest.mark.parametrize("is_padded", [True, False])
@pytest.mark.parametrize(
    ("model", "depth"),
    [(Mlp(), 2), (Mlp(activation="tanh", bias=False), 3), (Mlp(activation="gelu"), 1), (MeanField(), 1), (MeanField(activation="tanh"), 1)],
    ids=str,
)
def test_what_is_made_ready_for_all_steps_has_the_gradients_of_each_step_alone(model, depth, is_padded, precision):
    shape = Shape((5,), 6, depth, CLASSES)
    code = model.architecture(shape)
    networks = [model.initial(shape, generator(0, k)) for k in range(3)]
    stack = stacked([code.padded(network) if is_padded else network for network in networks])
    code = code if precision is None else code.with_products_in(precision)
    rng = torch.Generator().manual_seed(1)
    by_writer, step_by_step = ({name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()} for _ in range(2))
    writer = gradient_writer(code, stack, (), by_writer)
    for size in (8, 8, 5):
        inputs = torch.randn(3, size, 5, generator=rng)
        inputs = torch.stack([code.padded_inputs(batch) for batch in inputs]) if is_padded else inputs
        targets = target_table(CLASSES, 0.1, inputs)[torch.randint(CLASSES, (3, size), generator=rng)]
        writer(inputs, targets)
        code.gradients(stack, inputs, partial(loss_gradient, targets=targets), step_by_step)
        for name, tensor in stack.items():
            assert torch.equal(by_writer[name], step_by_step[name])
            tensor.sub_(by_writer[name])


def test_an_architecture_that_makes_nothing_ready_is_asked_for_its_gradients_in_every_step():
    class Changed(FeedForward):
        """One whose `gradients` are its own."""

        def gradients(self, stack, inputs, at_logits, out):
            super().gradients(stack, inputs, at_logits, out)
            for gradient in out.values():
                gradient.neg_()

    shape = Shape((5,), 6, 1, CLASSES)
    stack, inputs = stacked([Mlp().initial(shape, generator(0, k)) for k in range(2)]), torch.randn(2, 8, 5)
    targets = target_table(CLASSES, 0.0, inputs)[torch.arange(8) % CLASSES].expand(2, 8, CLASSES)
    layers = Mlp().architecture(shape).layers
    plain, changed = ({name: torch.empty_like(tensor) for name, tensor in stack.items()} for _ in range(2))
    gradient_writer(FeedForward(layers, CLASSES), stack, (), plain)(inputs, targets)
    gradient_writer(Changed(layers, CLASSES), stack, (), changed)(inputs, targets)
    assert all(torch.equal(changed[name], -plain[name]) for name in stack)


def test_a_chain_with_a_forward_of_its_own_has_the_gradients_of_what_it_computes():
    class Halved(FeedForward):
        """Another function than its base class, whose gradients by hand are not its own."""

        def forward(self, stack, inputs):
            return super().forward(stack, inputs) / 2

    shape = Shape((5,), 6, 1, CLASSES)
    stack, inputs = stacked([Mlp().initial(shape, generator(0, k)) for k in range(2)]), torch.randn(2, 8, 5)
    code, labels = Halved(Mlp().architecture(shape).layers, CLASSES), torch.arange(8) % CLASSES
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in stack.items()}
    sum(F.cross_entropy(logits, labels) for logits in code.forward(leaves, inputs)).backward()
    out = {name: torch.empty_like(tensor) for name, tensor in stack.items()}
    gradient_writer(code, stack, (), out)(inputs, target_table(CLASSES, 0.0, inputs)[labels].expand(2, 8, CLASSES))
    for name, leaf in leaves.items():
        torch.testing.assert_close(out[name], leaf.grad)
