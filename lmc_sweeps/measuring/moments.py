"""Moments of activations: one pass over the training set, shared by every method that asks for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.base import Moments
from lmc_sweeps.models.base import Architecture, stacked


@dataclass(frozen=True)
class NetworkMoments:
    """Moments of each network's activations by site (and ``"input"``), and by two networks i < j the second moments between theirs."""

    views: tuple[dict[str, Moments], ...]
    cross: dict[tuple[int, int], dict[str, np.ndarray]]


@one_thread()
@torch.no_grad()
def network_moments(
    architecture: Architecture, networks: Sequence[Mapping[str, Tensor]], inputs: Tensor, batch_size: int = 2000
) -> NetworkMoments:
    r"""Return first and second moments of the activations of K networks over `inputs`.

    .. math:: M^A_{ij} = \mathbb E\, h^A_i h^A_j, \quad M^B_{ij} = \mathbb E\, h^B_i h^B_j, \quad M^{AB}_{ij} = \mathbb E\, h^A_i h^B_j

    uncentred, as plain means over the examples. (The paper's notebook divides by N - 1, which changes no permutation and no dimension.)
    Products are taken in the networks' precision over fixed batches, by one thread, and added in float64.

    Parameters
    ----------
    architecture : Architecture
    networks : sequence of mappings of str to Tensor
    inputs : Tensor, shape (n, d)
    batch_size : int

    Returns
    -------
    NetworkMoments
    """
    stack = stacked(networks)
    compared = {site.key for sites in architecture.sites(networks[0]).values() for site in sites}
    sums: dict[str, _Sums] = {}  # by site
    for batch in inputs.split(batch_size):
        activations = architecture.activations(stack, batch)
        lacking = [group for group in architecture.graph(networks[0]).groups if group not in activations]
        if lacking and architecture.shows_all:
            raise InputError(
                f"`activations` of a {type(architecture).__name__} must have every group, {', '.join(architecture.spec.groups)}; it lacks "
                f"{', '.join(lacking)}, and has {', '.join(activations)}."
            )
        for key, values in activations.items():
            values = values[:1] if values.stride(0) == 0 else values  # one tensor that all networks see
            sums.setdefault(key, _Sums(values, key in compared)).add(values)
    numbers = range(len(networks))
    views = tuple({key: group_sums.moments(k) for key, group_sums in sums.items()} for k in numbers)
    cross = {
        (i, j): {key: group_sums.second(i, j) for key, group_sums in sums.items() if group_sums.is_compared}
        for i, j in combinations(numbers, 2)
    }
    return NetworkMoments(views, cross)


class _Sums:
    """Sums of activations and of their products, taken about the mean of the first batch.

    About that point the products are small where the spread is small, so that covariances do not drown in the rounding of large means.
    """

    def __init__(self, values: Tensor, is_compared: bool) -> None:
        # (K, n, m) -> (K, 1, m), rounded to the activations' precision, so that what is subtracted is what is added again
        self._about = values.double().mean(1, keepdim=True).to(values.dtype).double()
        self._sum: Tensor = torch.zeros_like(self._about)
        self._products: dict[tuple[int, int], Tensor] = {}
        self._count = 0
        self.is_compared = is_compared and len(values) > 1  # between networks, too

    @property
    def networks(self) -> int:
        """The number of networks; 1 for what all networks see."""
        return len(self._sum)

    def add(self, values: Tensor) -> None:
        values = values - self._about.to(values.dtype)
        self._sum += values.double().sum(1, keepdim=True)
        numbers = range(len(values))
        for i, j in combinations_with_replacement(numbers, 2) if self.is_compared else zip(numbers, numbers, strict=True):
            part = (values[i].T @ values[j]).double()  # (m, n) @ (n, m) -> (m, m)
            self._products[i, j] = self._products[i, j] + part if (i, j) in self._products else part
        self._count += values.shape[1]

    def moments(self, k: int) -> Moments:
        second = self.second(k, k)
        return Moments(self._mean(k)[0].cpu().numpy(), (second + second.T) / 2)  # symmetric to the last bit

    def second(self, i: int, j: int) -> np.ndarray:
        i, j = min(i, self.networks - 1), min(j, self.networks - 1)
        about_i, about_j = self._about[i], self._about[j]
        off_i, off_j = self._sum[i] / self._count, self._sum[j] / self._count
        # E (c + x)(d + y) = E xy + c E y + d E x + c d
        moved = self._products[i, j] / self._count + about_i.T @ off_j + off_i.T @ about_j + about_i.T @ about_j
        return np.asarray(moved.cpu().numpy())

    def _mean(self, k: int) -> Tensor:
        k = min(k, self.networks - 1)
        return self._about[k] + self._sum[k] / self._count
