"""`reset`: the running statistics of batch norms, computed again from the training data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.batch_norm import NormSums
from lmc_sweeps.repair.base import Repair, RepairAt


@dataclass(frozen=True, kw_only=True)
class Reset(Repair):
    r"""Compute the mean and the variance of every batch norm again, in one pass over the training data.

    .. math:: \mu = \frac1n \sum_i x_i, \qquad \sigma^2 = \frac1{n-1} \sum_i (x_i - \mu)^2

    for every channel, over all n values (examples and positions) of the pass, from sums of x and of x² in float64. In the pass every batch
    norm normalises by the statistics of its batch, as in training, so that what later layers see does not depend on what is reset.
    Nothing else changes. The ends t = 0 and 1 of a path have to be reset as what is between them, or their difference measures the
    estimator.

    Parameters
    ----------
    batch_size : int
        Number of examples that are normalised together, at most. Batch i holds every m-th example from the i-th on, so that data sorted
        by class do no harm, and none is left with one example.
    examples : int, optional
        Number of training examples, spread evenly, that the pass is over; all of them if not given.

    References
    ----------
    Jordan, Sedghi, Saukh, Entezari, Neyshabur (2023), REPAIR, arXiv:2211.08403. PyTorch's own running variance is a mean over batches of
    their variances, which leaves out the variance between batches: 0.997 of the pooled one for batches of 50.
    """

    name: ClassVar[str] = "reset"
    batch_size: int = 500
    examples: int | None = None

    def __post_init__(self) -> None:
        checks.integer("repair.reset.batch_size", self.batch_size, least=2)
        if self.examples is not None:
            checks.integer("repair.reset.examples", self.examples, least=2)

    def applies(self, architecture: Architecture) -> bool:
        return bool(architecture.batch_norms().names)

    def forwards(self, passes: int, examples: int) -> int:
        return min(examples, self.examples or examples)

    def notes(self, architecture: Architecture) -> tuple[str, ...]:
        norms = architecture.batch_norms()
        notes = []
        if not norms.names:
            notes.append("reset: there is no batch norm with running statistics, so nothing was computed again.")
        if norms.others:
            notes.append(
                f"reset: {', '.join(norms.others)} {'is' if len(norms.others) == 1 else 'are'} not of a layer of type BatchNorm1d, "
                "BatchNorm2d, BatchNorm3d or SyncBatchNorm; these statistics were not computed again."
            )
        return tuple(notes)

    def between(self, architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], train: Split) -> RepairAt:
        return lambda stack, t: self.reset(architecture, stack, train)

    @one_thread()
    @torch.no_grad()
    def reset(self, architecture: Architecture, stack: Mapping[str, Tensor], train: Split) -> dict[str, Tensor]:
        """Return the stack with new running statistics.

        Raises
        ------
        InputError
            If there are fewer than two training examples, or a batch norm cannot be reset (`models.batch_norm.stacked_norm_sums`).
        """
        repaired = dict(stack)
        if not self.applies(architecture):
            return repaired
        sums: dict[str, NormSums] = {}
        for batch in self._batches(train.at_most(self.examples).inputs):
            for name, terms in architecture.norm_sums(stack, batch).items():
                sums[name] = sums[name] + terms if name in sums else terms
        for pooled in sums.values():
            repaired |= {name: tensor.to(stack[name].dtype) for name, tensor in pooled.statistics().items()}
        return repaired

    def _batches(self, inputs: Tensor) -> list[Tensor]:
        """Return batches of at least two examples and, unless that is one less than three, of `batch_size` at most."""
        n = len(inputs)
        if n < 2:
            raise checks.InputError(f"repair=reset needs at least 2 training examples, got {n}.")
        m = max(1, min(-(-n // self.batch_size), n // 2))
        return [inputs[start::m] for start in range(m)]
