"""Temperatures of the softmax: what is left of a loss once one number has set the size of the logits."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LOWEST, HIGHEST = 0.01, 100.0  # temperatures: where all answers are right the loss falls for ever with the temperature
MOST_STEPS = 50
BLOCK = 64  # examples that PyTorch's loops take at once, in four vectors of 16: what is left over is added up in another order
PRECISION = 1e-6  # of the logarithm of a temperature; of the loss, which is flat there, its square


def fitted_temperature(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Return the temperatures with which the mean cross-entropy of logits is least.

    .. math:: \tau^* = 1 / \beta^*, \qquad \beta^* = \arg\min_\beta \tfrac1n \sum_i -\log \text{softmax}(\beta z_i)_{y_i}

    The loss is convex in :math:`\beta`, with the derivative :math:`\mathbb E[\langle \text{softmax}(\beta z), z \rangle - z_y]`, whose zero
    is found by Newton's method within a bracket; a step that leaves the bracket is replaced by halving it (in :math:`\log \beta`).

    Parameters
    ----------
    logits : Tensor, shape (L, n, classes)
        Of L networks on n examples.
    labels : Tensor, shape (n,)

    Returns
    -------
    Tensor, shape (L,)
        In float64, from 0.01 to 100; NaN where a logit is not finite.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017), On Calibration of Modern Neural Networks (temperature scaling); on the line between networks, Ito
    et al. (2025), arXiv:2510.08023.
    """
    n = len(labels)
    over = logits - logits.gather(-1, labels.expand(len(logits), -1).unsqueeze(-1))  # what decides: it changes no softmax
    # (classes, L, n), n filled up: sums over few classes are fast so, and a network's are the same in any place of any number of them.
    over = F.pad(over.movedim(-1, 0), (0, -n % BLOCK))
    squares = over.square()
    low, high = (over.new_full((len(logits),), -math.log(bound), dtype=torch.float64) for bound in (HIGHEST, LOWEST))
    guess = torch.zeros_like(low)  # log beta
    moves = torch.ones_like(low, dtype=torch.bool)  # each network stops for itself, whatever the others do
    for _ in range(MOST_STEPS):
        beta = guess.exp()
        shares = beta.to(over).view(-1, 1) * over
        shares.sub_(shares.amax(0)).exp_()
        shares.div_(shares.sum(0))
        mean = (shares * over).sum(0)  # (L, n)
        slope = mean[:, :n].mean(-1, dtype=torch.float64)
        curvature = (shares.mul_(squares).sum(0) - mean.square())[:, :n].mean(-1, dtype=torch.float64)
        low, high = torch.where(slope < 0, guess, low), torch.where(slope < 0, high, guess)
        # of the loss as a function of log beta the first derivative is beta * slope, the second beta * (beta * curvature + slope)
        newton = guess - slope / (beta * curvature + slope.abs())
        step = torch.where((newton > low) & (newton < high), newton, (low + high) / 2)
        guess, moves = torch.where(moves, step, guess), moves & ((step - guess).abs() >= PRECISION)
        if not bool(moves.any()):
            break
    finite = torch.isfinite(logits).flatten(1).all(1)
    return torch.where(finite, (-guess).exp(), torch.nan)


def calibrated_losses(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return the cross-entropy of logits at a temperature that was fitted on other examples, and that temperature.

    The examples are divided into those of even and of odd number; each half is measured at the temperature that is best for the other.

    Parameters
    ----------
    logits : Tensor, shape (L, n, classes)
        n >= 2.
    labels : Tensor, shape (n,)

    Returns
    -------
    loss : Tensor, shape (L,)
        In nats per example, over all examples, in float64.
    temperature : Tensor, shape (L,)
        The geometric mean of both.
    """
    halves = [(logits[:, start::2], labels[start::2]) for start in (0, 1)]
    temperatures = [fitted_temperature(*half) for half in halves]
    loss = sum(cross_entropy_at(half[0], half[1], other) for half, other in zip(halves, temperatures[::-1], strict=True))
    return torch.as_tensor(loss / labels.numel()), (temperatures[0] * temperatures[1]).sqrt()


def cross_entropy_at(logits: Tensor, labels: Tensor, temperature: Tensor) -> Tensor:
    """Return the sum over examples of the cross-entropy of logits, (L, n, classes), divided by a temperature, (L,)."""
    scaled = torch.log_softmax(logits.double() / temperature.view(-1, 1, 1), -1)
    return -scaled.gather(-1, labels.expand(len(logits), -1).unsqueeze(-1)).squeeze(-1).sum(-1)
