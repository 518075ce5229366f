"""Loss and error of stacks of networks, along lines and other paths too, reduced in fixed chunks in float64."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.measuring.paths import Path
from lmc_sweeps.models.base import Architecture, stacked
from lmc_sweeps.models.criteria import Criterion
from lmc_sweeps.symmetry.maps import Map, permutations_of

FUNCTION_ROUNDING = 1e-4  # a function gap above this is not rounding (measured in float32: below 1e-5)


@dataclass(frozen=True)
class Scores:
    """Mean loss of a criterion and share of wrong answers, NaN where there are none, arrays of one shape in float64."""

    loss: np.ndarray
    error: np.ndarray


@one_thread()
@torch.no_grad()
def evaluate(architecture: Architecture, stack: Mapping[str, Tensor], split: Split, batch_size: int = 2000) -> Scores:
    """Return the loss and the error of every network of a stack, arrays of shape (K,)."""
    batches = zip(split.inputs.split(batch_size), split.labels.split(batch_size), strict=True)
    return _reduce(architecture.criterion, ((architecture.forward(stack, inputs), labels) for inputs, labels in batches))


@one_thread()
@torch.no_grad()
def evaluate_line(
    architecture: Architecture,
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    maps: Sequence[Mapping[str, Map | np.ndarray]],
    t: np.ndarray,
    split: Split,
    batch_size: int = 2000,
) -> Scores:
    r"""Return loss and error at :math:`\theta_t = (1 - t)\,\theta_A + t\,\theta_{\tilde B}` for each mapped B.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Networks A and B.
    maps : sequence of mappings of str to Map, length M
        The maps of B of each line, by group; arrays are the orders of permutations.
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
    orders = [permutations_of(each) for each in maps]  # an architecture need not know of other maps while there are none
    maps = [order if len(order) == len(each) else each for order, each in zip(orders, maps, strict=True)]
    outputs = ((architecture.line_logits(a, b, maps, points, inputs), labels) for inputs, labels in batches)
    return _reduce(architecture.criterion, outputs)


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
        parts.append(_reduce(path.architecture.criterion, ((outputs(inputs), labels) for inputs, labels in batches)))
        completed += len(part)
        if progress is not None:
            progress(completed)
    return Scores(np.concatenate([each.loss for each in parts]), np.concatenate([each.error for each in parts]))


@one_thread()
@torch.no_grad()
def function_gap(
    architecture: Architecture,
    b: Mapping[str, Tensor],
    maps: Mapping[str, Map | np.ndarray],
    inputs: Tensor,
    batch_size: int = 2000,
) -> float:
    r"""Return how far the mapped B is from computing B's function.

    .. math:: \max_x |f_B(x) - f_{\tilde B}(x)| \;/\; \max_x |f_B(x)|

    over all inputs and logits: rounding if the map keeps the function, of order 1 if it does not. It maps the parameters, independently
    of how the line is evaluated.

    Returns
    -------
    float
        NaN where a logit is not finite.
    """
    mapped = architecture.graph(b).apply(b, maps)
    networks = [stacked([network]) for network in (b, mapped)]  # copies, so that it does not matter where in memory b lies
    gap = scale = 0.0
    for batch in inputs.split(batch_size):
        original, moved = (architecture.forward(net, batch) for net in networks)
        if not bool(torch.isfinite(original).all() and torch.isfinite(moved).all()):
            return float("nan")
        gap, scale = max(gap, float((original - moved).abs().max())), max(scale, float(original.abs().max()))
    return gap / scale if scale > 0 else gap


def _reduce(criterion: Criterion, batches: Iterable[tuple[Tensor, Tensor]]) -> Scores:
    """Return mean loss and error over batches of outputs (..., n, ...) and labels (n, ...)."""
    loss = wrong = torch.zeros(1, dtype=torch.float64)
    count = 0
    for outputs, labels in batches:
        outputs = outputs if outputs.dtype == torch.float64 else outputs.float()
        axes = list(range(-len(criterion.items(labels)), 0))
        losses, misses = criterion.loss(outputs, labels), criterion.error(outputs, labels)
        loss = loss.to(losses.device) + losses.double().sum(axes)
        wrong = wrong.to(losses.device) + (torch.nan if misses is None else misses.double().sum(axes))
        count += criterion.count(labels)
    wrong = torch.where(loss.isnan(), torch.nan, wrong)  # a network without a loss has no answers either
    return Scores((loss / count).cpu().numpy(), (wrong / count).cpu().numpy())
