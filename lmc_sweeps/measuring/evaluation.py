"""Loss and error of stacks of networks, along lines and other paths too, reduced in fixed chunks in float64."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.maths.calibration import calibrated_losses
from lmc_sweeps.measuring.blocks import BlockSums
from lmc_sweeps.measuring.paths import Path
from lmc_sweeps.models.base import Architecture, stacked
from lmc_sweeps.models.criteria import Criterion
from lmc_sweeps.symmetry.maps import Map, permutations_of

FUNCTION_ROUNDING = 1e-4  # a function gap above this is not rounding (measured in float32: below 1e-5)


MOST_NUMBERS = 2**26  # of outputs that are held to be calibrated: 256 MiB in float32


@dataclass(frozen=True)
class Scores:
    """Mean loss of a criterion and share of wrong answers, arrays of one shape in float64, NaN where there are none.

    `calibrated` and `temperature` are the loss at the temperature that was fitted on other examples (`calibrated_losses`), and that
    temperature; NaN where nothing was calibrated. `blocks` has two axes more, (..., 3, B): of every block of examples
    (`multirun_analysis.schema.blocks`) the number of items, the sum of their losses and that of their errors; B is 0 where none were asked
    for.
    """

    loss: np.ndarray
    error: np.ndarray
    calibrated: np.ndarray
    temperature: np.ndarray
    blocks: np.ndarray

    def part(self, index: Any) -> "Scores":
        """Return those at an index of the first axis: of one line of several, or of some points of a line."""
        return Scores(*(getattr(self, field.name)[index] for field in fields(self)))


def no_scores(points: int) -> Scores:
    """Return the scores of a line that is not evaluated."""
    nothing = np.full(points, math.nan)
    return Scores(nothing, nothing, nothing, nothing, np.empty((points, 3, 0)))


@one_thread()
@torch.no_grad()
def evaluate(architecture: Architecture, stack: Mapping[str, Tensor], split: Split, batch_size: int = 2000) -> Scores:
    """Return the loss and the error of every network of a stack, arrays of shape (K,)."""
    outputs = ((architecture.forward(stack, inputs), labels) for inputs, labels in split.batches(batch_size))
    return _reduce(architecture.criterion, outputs)


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
    calibrate: bool = False,
    in_blocks: bool = False,
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
        Labels at a time (`Split.batches`), which bounds memory: of tokens there are many for an example, each with its logits.
    calibrate : bool
        Whether to calibrate every network on the line, where the loss is a cross-entropy.
    in_blocks : bool
        Whether to sum over blocks of examples too.

    Returns
    -------
    Scores
        Arrays of shape (M, T).
    """
    points = torch.as_tensor(t, device=split.inputs.device)
    orders = [permutations_of(each) for each in maps]  # an architecture need not know of other maps while there are none
    maps = [order if len(order) == len(each) else each for order, each in zip(orders, maps, strict=True)]
    outputs = ((architecture.line_logits(a, b, maps, points, inputs), labels) for inputs, labels in split.batches(batch_size))
    sums = BlockSums(architecture.criterion, split.labels) if in_blocks else None
    return _reduce(architecture.criterion, outputs, _Sample(len(split)) if calibrate else None, sums)


@one_thread()
@torch.no_grad()
def evaluate_path(
    path: Path,
    t: np.ndarray,
    split: Split,
    batch_size: int = 2000,
    progress: Callable[[int], None] | None = None,
    calibrate: bool = False,
    in_blocks: bool = False,
) -> Scores:
    """Return loss and error along a path, for some values of t at a time, so that memory is bounded (`Path.points_at_once`).

    Parameters
    ----------
    path : Path
    t : ndarray, shape (T,)
    split : Split
    batch_size : int
        Labels at a time (`Split.batches`), which bounds memory: of tokens there are many for an example, each with its logits.
    progress : callable, optional
        Shown the number of values of t that have been evaluated, whenever there are more.
    calibrate : bool
        Whether to calibrate every network on the path, where the loss is a cross-entropy.
    in_blocks : bool
        Whether to sum over blocks of examples too.

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
        batches = ((outputs(inputs), labels) for inputs, labels in split.batches(batch_size))
        sample = _Sample(len(split)) if calibrate else None
        sums = BlockSums(path.architecture.criterion, split.labels) if in_blocks else None
        parts.append(_reduce(path.architecture.criterion, batches, sample, sums))
        completed += len(part)
        if progress is not None:
            progress(completed)
    return Scores(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Scores)))


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
    return outputs_gap(architecture, b, architecture.graph(b).apply(b, maps), inputs, batch_size)


@one_thread()
@torch.no_grad()
def outputs_gap(
    architecture: Architecture, b: Mapping[str, Tensor], mapped: Mapping[str, Tensor], inputs: Tensor, batch_size: int = 2000
) -> float:
    """Return the `function_gap` of a B that is mapped already."""
    networks = [stacked([network]) for network in (b, mapped)]  # copies, so that it does not matter where in memory b lies
    gap = scale = 0.0
    for batch in inputs.split(batch_size):
        original, moved = (architecture.forward(net, batch) for net in networks)
        if not bool(torch.isfinite(original).all() and torch.isfinite(moved).all()):
            return float("nan")
        gap, scale = max(gap, float((original - moved).abs().max())), max(scale, float(original.abs().max()))
    return gap / scale if scale > 0 else gap


class _Sample:
    """Outputs and labels of a split of n examples, as they are computed: of all, or of every k-th where memory would not hold all."""

    def __init__(self, n: int) -> None:
        self._n, self._first = n, 0  # of the examples of the next batch
        self._outputs: list[Tensor] = []
        self._labels: list[Tensor] = []

    def add(self, outputs: Tensor, labels: Tensor) -> None:
        """Add those of a batch, (..., n, classes) and (n,)."""
        every = max(1, -(-outputs[..., :1, :].numel() * self._n // MOST_NUMBERS))
        start = -self._first % every
        self._first += len(labels)
        self._outputs.append(outputs[..., start::every, :].clone() if every > 1 else outputs)
        self._labels.append(labels[start::every])

    def calibrated(self) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and temperatures, arrays (...,)."""
        outputs, labels = torch.cat(self._outputs, -2), torch.cat(self._labels)
        shape = outputs.shape[:-2]
        loss, temperature = calibrated_losses(outputs.reshape(-1, *outputs.shape[-2:]), labels)
        return loss.view(shape).cpu().numpy(), temperature.view(shape).cpu().numpy()


def _reduce(
    criterion: Criterion, batches: Iterable[tuple[Tensor, Tensor]], sample: _Sample | None = None, sums: BlockSums | None = None
) -> Scores:
    """Return mean loss and error over batches of outputs (..., n, ...) and labels (n, ...); calibrated with a sample; in blocks too."""
    loss = wrong = torch.zeros(1, dtype=torch.float64)
    count = 0
    for outputs, labels in batches:
        outputs = outputs if outputs.dtype == torch.float64 else outputs.float()
        axes = list(range(-len(criterion.items(labels)), 0))
        losses, misses = criterion.loss(outputs, labels).double(), criterion.error(outputs, labels)
        misses = None if misses is None else misses.double()
        loss = loss.to(losses.device) + losses.sum(axes)
        wrong = wrong.to(losses.device) + (torch.nan if misses is None else misses.sum(axes))
        if sums is not None:
            sums.add(losses, misses, len(axes))
        count += criterion.count(labels)
        if not criterion.is_calibrated(labels):
            sample = None
        if sample is not None:
            sample.add(outputs, labels)
    wrong = torch.where(loss.isnan(), torch.nan, wrong)  # a network without a loss has no answers either
    means = [(each / count).cpu().numpy() for each in (loss, wrong)]
    nothing = np.full_like(means[0], math.nan)
    calibrated, temperature = sample.calibrated() if sample is not None and count > 1 else (nothing, nothing)
    blocks = np.empty((*nothing.shape, 3, 0)) if sums is None else sums.table()
    return Scores(means[0], means[1], calibrated, temperature, blocks)
