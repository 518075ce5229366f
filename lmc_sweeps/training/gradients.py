"""Gradients of the training loss: cross-entropy of examples or tokens, on targets that may be smoothed, batch norms in training mode."""

import math
from collections.abc import Collection, Mapping
from functools import partial

import torch
from torch import Tensor

from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.softmax import softmax_gradient


def target_table(classes: int, smoothing: float, like: Tensor) -> Tensor:
    r"""Return the target of every class, rows of shape (classes,), in the type and on the device of a tensor.

    .. math:: q_y = (1 - \varepsilon)\, e_y + \varepsilon / C

    References
    ----------
    Szegedy et al. 2016, section 7: label smoothing, as in `torch.nn.CrossEntropyLoss`.
    """
    units = torch.eye(classes, dtype=like.dtype, device=like.device)
    return units if smoothing == 0 else (1 - smoothing) * units + smoothing / classes


def loss_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Return the gradient of each network's mean cross-entropy with respect to its logits.

    .. math:: L_k = -\tfrac1M \sum_i q_i \cdot \log \text{softmax}(z_{ki}), \qquad
              \partial L_k / \partial z_{ki} = \tfrac1M \left(\text{softmax}(z_{ki}) - q_i\right)

    Both arguments have shape (K, B, classes), or (K, B, positions, classes); the mean is over the M examples or tokens.
    """
    return softmax_gradient(logits, targets, math.prod(targets.shape[1:-1]))


def write_gradients(
    architecture: Architecture,
    stack: Mapping[str, Tensor],
    statistics: Collection[str],
    inputs: Tensor,
    targets: Tensor,
    out: Mapping[str, Tensor],
) -> None:
    """Write the gradient of each network's loss into `out`, and into `stack` its running statistics after the batch.

    Networks of which a stack is not computed at once are taken one after the other, so that the values which a gradient needs are held of
    one network at a time.

    Parameters
    ----------
    architecture : Architecture
    stack : mapping of str to Tensor
    statistics : collection of str
        The tensors of the stack that training changes by itself.
    inputs : Tensor, shape (K, B, ...)
    targets : Tensor, shape (K, B, ..., classes)
    out : mapping of str to Tensor
        As `stack`, without the statistics.
    """
    if len(inputs) == 1 or architecture.is_computed_at_once(stack):
        _write(architecture, stack, statistics, inputs, targets, out)
        return
    for k in range(len(inputs)):
        one, of_one = ({name: tensor[k : k + 1] for name, tensor in tensors.items()} for tensors in (stack, out))
        _write(architecture, one, statistics, inputs[k : k + 1], targets[k : k + 1], of_one)


def _write(
    architecture: Architecture,
    stack: Mapping[str, Tensor],
    statistics: Collection[str],
    inputs: Tensor,
    targets: Tensor,
    out: Mapping[str, Tensor],
) -> None:
    if not statistics:  # training mode computes nothing else; an architecture may do it by hand
        architecture.gradients(stack, inputs, partial(loss_gradient, targets=targets), out)
        return
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in stack.items() if name not in statistics}
    with torch.enable_grad():
        logits, updated = architecture.training_forward({**stack, **leaves}, inputs)
    gradients = torch.autograd.grad(logits, list(leaves.values()), loss_gradient(logits.detach(), targets), allow_unused=True)
    values = [torch.zeros_like(out[name]) if gradient is None else gradient for name, gradient in zip(leaves, gradients, strict=True)]
    with torch.no_grad():
        torch._foreach_copy_([*(out[name] for name in leaves), *(stack[name] for name in updated)], [*values, *updated.values()])
