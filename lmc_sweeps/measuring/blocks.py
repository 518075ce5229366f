"""Losses and errors of blocks of test examples, and by how much they exceed those of the ends: what a barrier is the mean of."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lmc_sweeps.maths.barriers import Barriers
from lmc_sweeps.models.criteria import Criterion
from multirun_analysis.schema import n_blocks, packed_blocks


class BlockSums:
    """Sums over the examples of each block, as batch after batch is evaluated.

    Parameters
    ----------
    criterion : Criterion
    labels : Tensor, shape (n, ...)
        Of all examples.
    """

    def __init__(self, criterion: Criterion, labels: Tensor) -> None:
        self._size = n_blocks(len(labels))
        labels = labels.cpu()  # a device would be waited for once a block
        self._items = torch.tensor([criterion.count(labels[b :: self._size]) for b in range(self._size)], dtype=torch.float64)
        self._loss = self._error = torch.zeros(1, dtype=torch.float64)
        self._first = 0  # the number of the next batch's first example

    def add(self, losses: Tensor, misses: Tensor | None, n_axes: int) -> None:
        """Add losses and errors of a batch, shape (..., n, ...) with `n_axes` axes of items, in float64."""
        self._loss = self._loss.to(losses.device) + self._of_blocks(losses, n_axes)
        errors = torch.full_like(self._loss, torch.nan) if misses is None else self._of_blocks(misses, n_axes)
        self._error = self._error.to(losses.device) + errors
        self._first += losses.shape[-n_axes]

    def table(self) -> np.ndarray:
        """Return items, losses and errors, shape (..., 3, B)."""
        sums = torch.stack([self._loss, self._error], -2).cpu()
        return torch.cat([self._items.expand(*sums.shape[:-2], 1, -1), sums], -2).numpy()

    def _of_blocks(self, values: Tensor, n_axes: int) -> Tensor:
        """Return the sums over the examples of each block, (..., B)."""
        by_example = values if n_axes == 1 else values.flatten(1 - n_axes).sum(-1)
        before = self._first % self._size
        after = -(before + by_example.shape[-1]) % self._size
        return F.pad(by_example, (before, after)).unflatten(-1, (-1, self._size)).sum(-2)


def kept_blocks(t: np.ndarray, line: np.ndarray, ends: np.ndarray, loss: Barriers, error: Barriers) -> str | None:
    """Return the text that a record keeps of `block_excesses`; None where a line was not evaluated in blocks."""
    return packed_blocks(block_excesses(t, line, ends, loss, error)) if line.shape[-1] > 0 else None


def block_excesses(t: np.ndarray, line: np.ndarray, ends: np.ndarray, loss: Barriers, error: Barriers) -> np.ndarray:
    r"""Return what the test blocks of a row are (`multirun_analysis.schema.blocks`): items, and the means of four excesses.

    .. math:: e_b(t) = E_b(\theta_t) - [(1 - t)\, E_b(\theta_A) + t\, E_b(\theta_B)]

    Parameters
    ----------
    t : ndarray, shape (T,)
    line : ndarray, shape (T, 3, B)
        Items, sums of losses and of errors of every block along the line (`Scores.blocks`).
    ends : ndarray, shape (2, 3, B)
        The same of A and of B.
    loss, error : Barriers
        Of the curves whose blocks these are.

    Returns
    -------
    ndarray, shape (5, B)
        NaN where a curve has no barrier, and in a block without an item.
    """
    items = ends[0, 0]
    rows = [items]
    for k, barriers in ((1, loss), (2, error)):
        for point in (barriers.barrier_t, 0.5):
            rows.append(_excess(t, line[:, k], ends[:, k], items, point) if np.isfinite(barriers.barrier) else np.full(len(items), np.nan))
    return np.array(rows)


def _excess(t: np.ndarray, sums: np.ndarray, ends: np.ndarray, items: np.ndarray, point: float) -> np.ndarray:
    """Return the mean excess of every block at one of the values of t, (B,)."""
    (index,) = np.flatnonzero(t == point)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((sums[index] - (ends[0] + point * (ends[1] - ends[0]))) / items)
