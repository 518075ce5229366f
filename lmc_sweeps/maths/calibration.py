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
    is found by Newton's method within a bracket; a step that leaves the bracket goes to its bound first, and then to its middle (in
    :math:`\log \beta`).

    Parameters
    ----------
    logits : Tensor, shape (L, n, classes)
        Of L networks on n examples.
    labels : Tensor, shape (n,)

    Returns
    -------
    Tensor, shape (L,)
        In float64, from 0.01 to 100; NaN where a logit is not finite, or its difference from that of the right class.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017), On Calibration of Modern Neural Networks (temperature scaling); on the line between networks, Ito
    et al. (2025), arXiv:2510.08023.
    """
    return _temperatures(_over(logits, labels, _whole(len(labels))), torch.full((len(logits),), len(labels)))


def _whole(n: int) -> int:
    """Return the number of examples filled up to whole blocks."""
    return -(-n // BLOCK) * BLOCK


def _over(logits: Tensor, labels: Tensor, n: int) -> Tensor:
    """Return by how much each logit is over that of the right class, (classes, L, n), with zeros in place of missing examples.

    Sums over few classes are fast in this order, and those of a network are the same in any place among any number of them.
    """
    over = logits - logits.gather(-1, labels.expand(len(logits), -1).unsqueeze(-1))  # what decides: it changes no softmax
    return F.pad(over.movedim(-1, 0), (0, n - len(labels)))


def _temperatures(over: Tensor, counts: Tensor) -> Tensor:
    """Return the temperatures of L networks, whose logits are over those of the right class by `over`, on so many examples each."""
    is_finite = torch.isfinite(over).all(-1).all(0)
    counts = counts.to(over.device, torch.float64)
    log_beta = torch.zeros_like(counts)
    low, high = torch.full_like(counts, -math.log(HIGHEST)), torch.full_like(counts, -math.log(LOWEST))
    falls = rises = torch.ones_like(counts, dtype=torch.bool)  # whether the loss falls, or rises, with beta wherever it was looked at
    moving = torch.arange(len(counts), device=over.device)  # each network stops for itself, whatever the others do
    for _ in range(MOST_STEPS):
        guess = log_beta[moving]
        beta = guess.exp()
        slope, curvature = _derivatives(over, counts, beta)
        low, high = torch.where(slope < 0, guess, low), torch.where(slope < 0, high, guess)
        falls, rises = falls & (slope < 0), rises & (slope >= 0)
        # of the loss as a function of log beta the first derivative is beta * slope, the second beta * (beta * curvature + slope)
        newton = guess - slope / (beta * curvature + slope.abs())
        # What leaves the bracket goes to its middle, or first of all to the bound up to which the loss may fall.
        instead = torch.where(falls & (newton >= high), high, torch.where(rises & (newton <= low), low, (low + high) / 2))
        log_beta[moving] = torch.where((newton > low) & (newton < high), newton, instead)
        moves = (log_beta[moving] - guess).abs() >= PRECISION
        if not bool(moves.any()):
            break
        if not bool(moves.all()):
            moving, counts, low, high, falls, rises = (each[moves] for each in (moving, counts, low, high, falls, rises))
            over = over[:, moves]
    return torch.where(is_finite, (-log_beta).exp(), torch.nan)


def _derivatives(over: Tensor, counts: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and the second derivative of the mean cross-entropy by beta."""
    shares = beta.to(over).view(-1, 1) * over
    shares.sub_(shares.amax(0)).exp_()
    shares.div_(shares.sum(0)).mul_(over)
    mean = shares.sum(0)  # (L, n); 0 where there is no example, and so is the variance
    variance = shares.mul_(over).sum(0).sub_(mean.square())
    return mean.sum(-1, dtype=torch.float64) / counts, variance.sum(-1, dtype=torch.float64) / counts


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
    over = torch.cat([_over(*half, _whole(len(halves[0][1]))) for half in halves], 1)  # both at once: half as many calls of PyTorch's
    counts = torch.tensor([len(half[1]) for half in halves]).repeat_interleave(len(logits))
    temperatures = _temperatures(over, counts).view(2, -1)
    loss = sum(cross_entropy_at(half[0], half[1], other) for half, other in zip(halves, temperatures.flip(0), strict=True))
    return torch.as_tensor(loss / labels.numel()), (temperatures[0] * temperatures[1]).sqrt()


def cross_entropy_at(logits: Tensor, labels: Tensor, temperature: Tensor) -> Tensor:
    """Return the sum over examples of the cross-entropy of logits, (L, n, classes), divided by a temperature, (L,)."""
    scaled = torch.log_softmax(logits.double() / temperature.view(-1, 1, 1), -1)
    return -scaled.gather(-1, labels.expand(len(logits), -1).unsqueeze(-1)).squeeze(-1).sum(-1)
