"""Gradients of the training loss: by hand those of PyTorch's cross-entropy, for examples and tokens, smoothed or not."""

import pytest
import torch
import torch.nn.functional as F
from normalised_networks import architecture, convolutions, drawn, normal, stack_of

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
