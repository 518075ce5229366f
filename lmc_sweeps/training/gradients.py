"""Gradients of the training loss: cross-entropy of examples or tokens, on targets that may be smoothed, batch norms in training mode."""

import math
from collections.abc import Callable, Collection, Mapping
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


def gradient_writer(
    architecture: Architecture, stack: Mapping[str, Tensor], statistics: Collection[str], out: Mapping[str, Tensor]
) -> Callable[[Tensor, Tensor], None]:
    """Return what writes the gradient of each network's loss into `out`, and into `stack` its running statistics after the batch.

    It takes inputs, (K, B, ...), and targets, (K, B, ..., classes). Networks of which a stack is not computed at once are taken one after
    the other, so that the values which a gradient needs are held of one network at a time.

    Parameters
    ----------
    architecture : Architecture
    stack : mapping of str to Tensor
        In its memory while it is trained.
    statistics : collection of str
        The tensors of the stack that training changes by itself.
    out : mapping of str to Tensor
        As `stack`, without the statistics; in its memory too.
    """
    networks = len(next(iter(stack.values())))
    if networks == 1 or architecture.is_computed_at_once(stack):
        return _writer(architecture, stack, statistics, out)
    writers = [_writer(architecture, _of_network(k, stack), statistics, _of_network(k, out)) for k in range(networks)]

    def write(inputs: Tensor, targets: Tensor) -> None:
        for k, writer in enumerate(writers):
            writer(inputs[k : k + 1], targets[k : k + 1])

    return write


def _of_network(k: int, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a stack of one network, in the memory of a stack."""
    return {name: tensor[k : k + 1] for name, tensor in tensors.items()}


def _writer(
    architecture: Architecture, stack: Mapping[str, Tensor], statistics: Collection[str], out: Mapping[str, Tensor]
) -> Callable[[Tensor, Tensor], None]:
    if statistics:
        return partial(_write_in_training_mode, architecture, stack, statistics, out)
    # Training mode computes nothing else, so an architecture may do it by hand.
    return architecture.gradient_writer(stack, out) or (
        lambda inputs, targets: architecture.gradients(stack, inputs, partial(loss_gradient, targets=targets), out)
    )


def _write_in_training_mode(
    architecture: Architecture,
    stack: Mapping[str, Tensor],
    statistics: Collection[str],
    out: Mapping[str, Tensor],
    inputs: Tensor,
    targets: Tensor,
) -> None:
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in stack.items() if name not in statistics}
    with torch.enable_grad():
        logits, updated = architecture.training_forward({**stack, **leaves}, inputs)
    gradients = torch.autograd.grad(logits, list(leaves.values()), loss_gradient(logits.detach(), targets), allow_unused=True)
    values = [torch.zeros_like(out[name]) if gradient is None else gradient for name, gradient in zip(leaves, gradients, strict=True)]
    with torch.no_grad():
        torch._foreach_copy_([*(out[name] for name in leaves), *(stack[name] for name in updated)], [*values, *updated.values()])
