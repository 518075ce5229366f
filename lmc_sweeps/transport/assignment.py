"""Exact optimal transport as a linear assignment problem, by SciPy."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from lmc_sweeps.transport.base import Transport, TransportResult, square_cost


@dataclass(frozen=True, kw_only=True)
class Assignment(Transport):
    r"""Solve the transport problem between two uniform measures as the assignment problem that it is.

    .. math:: \min_\pi \; \frac1n \sum_i C_{i,\pi(i)}

    References
    ----------
    Crouse 2016 (the solver, a modified Jonker-Volgenant algorithm); Ferbach et al. 2024, lemma B.3 (the equivalence).
    """

    name: ClassVar[str] = "assignment"

    def __call__(self, cost: np.ndarray) -> TransportResult:
        """Return the optimal coupling, a permutation matrix over n."""
        cost = square_cost(cost)
        rows, columns = linear_sum_assignment(cost)
        coupling = np.zeros_like(cost)
        coupling[rows, columns] = 1.0 / len(cost)
        return TransportResult(coupling=coupling, cost=float(cost[rows, columns].mean()), converged=True, sentence="optimal")
