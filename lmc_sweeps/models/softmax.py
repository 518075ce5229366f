"""The softmax of a few classes, and the gradient of a cross-entropy, in as few vectors of a CPU as they take."""

import torch
import torch.nn.functional as F
from torch import Tensor

LANES = 16  # numbers of float32 that the widest units of CPUs take at once
MOST_FILLED = 256  # classes; of more, a vector that is not full is a small part


def in_whole_vectors(logits: Tensor) -> Tensor:
    """Return logits, (..., classes), filled up with -inf, which changes no softmax, to a multiple of 16 classes on a CPU.

    Measured with AVX-512: the softmax of ten classes takes a tenth of the time then. PyTorch is slow where a vector is not full.
    """
    fill = -logits.shape[-1] % LANES
    if fill == 0 or logits.shape[-1] > MOST_FILLED or logits.device.type != "cpu":
        return logits
    return F.pad(logits, (0, fill), value=-torch.inf)


def log_softmax(logits: Tensor) -> Tensor:
    """Return the logarithms of the softmax over the last axis."""
    return torch.log_softmax(in_whole_vectors(logits), -1)[..., : logits.shape[-1]]


def softmax_gradient(logits: Tensor, units: Tensor, count: int) -> Tensor:
    r"""Return the gradient of a mean of `count` cross-entropies with respect to the logits.

    .. math:: \partial L / \partial z_i = \tfrac1B \left(\text{softmax}(z_i) - e_{y_i}\right)

    where `units` holds the unit vectors :math:`e_{y_i}`, in the shape of the logits or one that is broadcast to it.
    """
    return torch.softmax(in_whole_vectors(logits), -1)[..., : logits.shape[-1]].sub_(units).mul_(1 / count)


def softmax_gradient_(logits: Tensor, units: Tensor, count: int) -> None:
    """Overwrite logits by their `softmax_gradient`.

    Those beyond the classes of `units`, which padding has added, are left out; the gradient there is 0, or NaN where
    one of the others is.
    """
    classes, fill = units.shape[-1], logits.shape[-1] - units.shape[-1]
    if fill != -classes % LANES or classes > MOST_FILLED:
        gradient = softmax_gradient(logits[..., :classes], units, count)
        logits.zero_()[..., :classes] = gradient
        return
    if fill:
        logits[..., classes:].fill_(-torch.inf)
    torch.softmax(logits, -1, out=logits)
    logits[..., :classes].sub_(units)
    logits.mul_(1 / count)
