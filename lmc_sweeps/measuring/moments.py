"""Moments of activations: one pass over the training set, shared by every method that asks for them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.base import Moments
from lmc_sweeps.models.base import INPUT, Architecture, stacked


@dataclass(frozen=True)
class PairMoments:
    """Moments of A's and of B's activations by group (and ``"input"``), and the second moments between them by group."""

    a: dict[str, Moments]
    b: dict[str, Moments]
    cross: dict[str, np.ndarray]


@one_thread()
@torch.no_grad()
def pair_moments(
    architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, batch_size: int = 2000
) -> PairMoments:
    r"""Return first and second moments of both networks' activations over `inputs`.

    .. math:: M^A_{ij} = \mathbb E\, h^A_i h^A_j, \quad M^B_{ij} = \mathbb E\, h^B_i h^B_j, \quad M^{AB}_{ij} = \mathbb E\, h^A_i h^B_j

    uncentred, as plain means over the examples. (The paper's notebook divides by N - 1, which changes no permutation and no dimension.)
    Products are taken in the networks' precision over fixed batches, by one thread, and added in float64.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
    inputs : Tensor, shape (n, d)
    batch_size : int

    Returns
    -------
    PairMoments
    """
    pair = stacked([a, b])
    sums: dict[str, _Sums] = {}  # by group
    for batch in inputs.split(batch_size):
        activations = architecture.activations(pair, batch)
        if lacking := [group for group in architecture.spec.groups if group not in activations]:
            raise InputError(
                f"`activations` of a {type(architecture).__name__} must have every group, {', '.join(architecture.spec.groups)}; it lacks "
                f"{', '.join(lacking)}, and has {', '.join(activations)}."
            )
        for key, values in activations.items():
            values = values[:1] if key == INPUT else values  # A and B see the same inputs
            sums.setdefault(key, _Sums(values)).add(values)
    moments_a, moments_b = ({key: group_sums.moments(k) for key, group_sums in sums.items()} for k in (0, -1))
    cross = {key: group_sums.second(0, -1) for key, group_sums in sums.items() if key != INPUT}
    return PairMoments(moments_a, moments_b, cross)


class _Sums:
    """Sums of activations and of their products, taken about the mean of the first batch.

    About that point the products are small where the spread is small, so that covariances do not drown in the rounding of large means.
    """

    def __init__(self, values: Tensor) -> None:
        # (K, n, m) -> (K, 1, m), rounded to the activations' precision, so that what is subtracted is what is added again
        self._about = values.double().mean(1, keepdim=True).to(values.dtype).double()
        self._sum: Tensor = torch.zeros_like(self._about)
        self._products: dict[tuple[int, int], Tensor] = {}
        self._count = 0

    def add(self, values: Tensor) -> None:
        values = values - self._about.to(values.dtype)
        self._sum += values.double().sum(1, keepdim=True)
        last = len(values) - 1
        for i, j in dict.fromkeys([(0, 0), (last, last), (0, last)]):
            part = (values[i].T @ values[j]).double()  # (m, n) @ (n, m) -> (m, m)
            self._products[i, j] = self._products[i, j] + part if (i, j) in self._products else part
        self._count += values.shape[1]

    def moments(self, k: int) -> Moments:
        second = self.second(k, k)
        return Moments(self._mean(k)[0].cpu().numpy(), (second + second.T) / 2)  # symmetric to the last bit

    def second(self, i: int, j: int) -> np.ndarray:
        i, j = i % len(self._sum), j % len(self._sum)
        about_i, about_j = self._about[i], self._about[j]
        off_i, off_j = self._sum[i] / self._count, self._sum[j] / self._count
        # E (c + x)(d + y) = E xy + c E y + d E x + c d
        moved = self._products[i, j] / self._count + about_i.T @ off_j + off_i.T @ about_j + about_i.T @ about_j
        return np.asarray(moved.cpu().numpy())

    def _mean(self, k: int) -> Tensor:
        k = k % len(self._sum)
        return self._about[k] + self._sum[k] / self._count
