"""Moments of activations: one pass over the training set, shared by every method that asks for them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.matching.base import Moments
from lmc_sweeps.models.base import INPUT, Architecture, stacked


@dataclass(frozen=True)
class PairMoments:
    """Moments of A's and of B's activations by group (and ``"input"``), and the second moments between them by group."""

    a: dict[str, Moments]
    b: dict[str, Moments]
    cross: dict[str, np.ndarray]


@torch.no_grad()
def pair_moments(
    architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, batch_size: int = 2000
) -> PairMoments:
    r"""Return first and second moments of both networks' activations over `inputs`.

    .. math:: M^A_{ij} = \mathbb E\, h^A_i h^A_j, \quad M^B_{ij} = \mathbb E\, h^B_i h^B_j, \quad M^{AB}_{ij} = \mathbb E\, h^A_i h^B_j

    uncentred, as plain means over the examples. (The paper's notebook divides by N - 1, which changes no permutation and no dimension.)
    Products are taken in the networks' precision over fixed batches and added in float64, so that the result does not depend
    on the number of threads.

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
    sums: dict[str, Tensor] = {}
    seconds: dict[str, Tensor] = {}
    crosses: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    for batch in inputs.split(batch_size):
        for key, values in architecture.activations(pair, batch).items():
            if key == INPUT:
                values = values[:1]  # A and B see the same inputs
            flipped = values.transpose(1, 2)  # (2, n, m) -> (2, m, n)
            _add(sums, key, values.double().sum(1))
            _add(seconds, key, torch.bmm(flipped, values))  # (2, m, n) @ (2, n, m) -> (2, m, m)
            if key != INPUT:
                _add(crosses, key, torch.bmm(flipped[:1], values[1:])[0])
            counts[key] = counts.get(key, 0) + values.shape[1]

    def moments(k: int) -> dict[str, Moments]:
        # the input's moments are there once, for both networks
        return {
            key: Moments(*(_mean(total[key][min(k, len(total[key]) - 1)], n) for total in (sums, seconds))) for key, n in counts.items()
        }

    return PairMoments(moments(0), moments(1), {key: _mean(total, counts[key]) for key, total in crosses.items()})


def _add(totals: dict[str, Tensor], key: str, part: Tensor) -> None:
    totals[key] = totals[key] + part.double() if key in totals else part.double()


def _mean(total: Tensor, count: int) -> np.ndarray:
    return (total / count).cpu().numpy()
