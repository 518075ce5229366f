"""What every transport is: a solver called on a square cost matrix that returns a coupling of mass 1."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps.transport.ties import TieRule


@dataclass(frozen=True, kw_only=True)
class TransportResult:
    """A coupling of two uniform measures on n neurons (rows A, columns B), its cost, and how the solver ended."""

    coupling: np.ndarray
    cost: float
    converged: bool
    sentence: str


class Transport(ABC):
    """A solver of the transport problem between two uniform measures on n points each."""

    name: ClassVar[str]

    @abstractmethod
    def __call__(self, cost: np.ndarray, ties: TieRule = TieRule()) -> TransportResult:  # noqa: B008 - it is frozen
        r"""Return a coupling that solves :math:`\min_\Gamma \langle \Gamma, C \rangle` over couplings of two uniform measures.

        Parameters
        ----------
        cost : ndarray, shape (n, n)
            C, finite.
        ties : TieRule
            What decides between permutations of equal cost.
        """


def matched(cost: np.ndarray, permutation: np.ndarray) -> TransportResult:
    """Return the result of an optimal permutation: its coupling, a permutation matrix over n, and its cost."""
    rows = np.arange(len(cost))
    coupling = np.zeros_like(cost)
    coupling[rows, permutation] = 1.0 / len(cost)
    return TransportResult(coupling=coupling, cost=float(cost[rows, permutation].mean()), converged=True, sentence="optimal")


def square_cost(cost: np.ndarray) -> np.ndarray:
    """Return the cost as a float64 matrix after checking that it is square and finite.

    Raises
    ------
    ValueError
        If it is not.
    """
    cost = np.ascontiguousarray(cost, dtype=np.float64)
    if cost.ndim != 2 or cost.shape[0] != cost.shape[1]:
        raise ValueError(f"`cost` must be a square matrix (networks of one width), got shape {cost.shape}.")
    if not np.isfinite(cost).all():
        raise ValueError("`cost` must be finite; a network with weights that are not finite cannot be matched.")
    return cost
