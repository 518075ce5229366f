"""Loss and error of stacks of networks, along lines and other paths too, reduced in fixed chunks in float64."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.measuring.paths import Path
from lmc_sweeps.models.base import Architecture, stacked

FUNCTION_ROUNDING = 1e-4  # a function gap above this is not rounding (measured in float32: below 1e-5)


@dataclass(frozen=True)
class Scores:
    """Mean cross-entropy in nats per example and share of wrong answers, arrays of one shape in float64."""

    loss: np.ndarray
    error: np.ndarray


@one_thread()
@torch.no_grad()
def evaluate(architecture: Architecture, stack: Mapping[str, Tensor], split: Split, batch_size: int = 2000) -> Scores:
    """Return the loss and the error of every network of a stack, arrays of shape (K,)."""
    batches = zip(split.inputs.split(batch_size), split.labels.split(batch_size), strict=True)
    return _reduce((architecture.forward(stack, inputs), labels) for inputs, labels in batches)


@one_thread()
@torch.no_grad()
def evaluate_line(
    architecture: Architecture,
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    permutations: Sequence[Mapping[str, np.ndarray]],
    t: np.ndarray,
    split: Split,
    batch_size: int = 2000,
) -> Scores:
    r"""Return loss and error at :math:`\theta_t = (1 - t)\,\theta_A + t\,\theta_{\tilde B}` for each permuted B.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Networks A and B.
    permutations : sequence of mappings of str to ndarray, length M
        One set of permutations of B per line.
    t : ndarray, shape (T,)
    split : Split
    batch_size : int

    Returns
    -------
    Scores
        Arrays of shape (M, T).
    """
    points = torch.as_tensor(t, device=split.inputs.device)
    batches = zip(split.inputs.split(batch_size), split.labels.split(batch_size), strict=True)
    return _reduce((architecture.line_logits(a, b, permutations, points, inputs), labels) for inputs, labels in batches)


@one_thread()
@torch.no_grad()
def evaluate_path(path: Path, t: np.ndarray, split: Split, batch_size: int = 2000, progress: Callable[[int], None] | None = None) -> Scores:
    """Return loss and error along a path, for some values of t at a time, so that memory is bounded (`Path.points_at_once`).

    Parameters
    ----------
    path : Path
    t : ndarray, shape (T,)
    split : Split
    batch_size : int
    progress : callable, optional
        Shown the number of values of t that have been evaluated, whenever there are more.

    Returns
    -------
    Scores
        Arrays of shape (T,).
    """
    points = torch.as_tensor(t, device=split.inputs.device)
    parts: list[Scores] = []
    completed = 0
    for part in points.split(path.points_at_once() or len(points)):
        outputs = path.outputs(part)
        batches = zip(split.inputs.split(batch_size), split.labels.split(batch_size), strict=True)
        parts.append(_reduce((outputs(inputs), labels) for inputs, labels in batches))
        completed += len(part)
        if progress is not None:
            progress(completed)
    return Scores(np.concatenate([each.loss for each in parts]), np.concatenate([each.error for each in parts]))


@one_thread()
@torch.no_grad()
def function_gap(
    architecture: Architecture,
    b: Mapping[str, Tensor],
    permutations: Mapping[str, np.ndarray],
    inputs: Tensor,
    batch_size: int = 2000,
) -> float:
    r"""Return how far the permuted B is from computing B's function.

    .. math:: \max_x |f_B(x) - f_{\tilde B}(x)| \;/\; \max_x |f_B(x)|

    over all inputs and logits: rounding if the permutation is right, of order 1 if it is not. It permutes the parameters, independently
    of how the line is evaluated.

    Returns
    -------
    float
        NaN where a logit is not finite.
    """
    permuted = apply_permutations(b, architecture.spec, permutations)
    networks = [stacked([network]) for network in (b, permuted)]  # copies, so that it does not matter where in memory b lies
    gap = scale = 0.0
    for batch in inputs.split(batch_size):
        original, moved = (architecture.forward(net, batch) for net in networks)
        if not bool(torch.isfinite(original).all() and torch.isfinite(moved).all()):
            return float("nan")
        gap, scale = max(gap, float((original - moved).abs().max())), max(scale, float(original.abs().max()))
    return gap / scale if scale > 0 else gap


def _reduce(batches: Iterable[tuple[Tensor, Tensor]]) -> Scores:
    """Return mean cross-entropy and error over batches of logits (..., n, classes) and labels (n,)."""
    loss = wrong = torch.zeros(1, dtype=torch.float64)
    count = 0
    for logits, labels in batches:
        logits = logits if logits.dtype == torch.float64 else logits.float()
        lead = logits.shape[:-2]
        logits = logits.reshape(-1, logits.shape[-1])  # (networks * n, classes)
        targets = labels.repeat(logits.shape[0] // len(labels))
        nats = F.cross_entropy(logits, targets, reduction="none").view(*lead, -1)
        misses = (logits.argmax(-1) != targets).view(*lead, -1)
        loss = loss.to(nats.device) + nats.double().sum(-1)
        wrong = wrong.to(nats.device) + misses.double().sum(-1)
        count += len(labels)
    wrong = torch.where(loss.isnan(), torch.nan, wrong)  # a network without a loss has no answers either
    return Scores((loss / count).cpu().numpy(), (wrong / count).cpu().numpy())
