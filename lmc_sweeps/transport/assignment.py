"""Exact optimal transport as a linear assignment problem, by SciPy."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps.transport.base import Transport, TransportResult, matched, square_cost
from lmc_sweeps.transport.ties import TieRule, settled


@dataclass(frozen=True, kw_only=True)
class Assignment(Transport):
    r"""Solve the transport problem between two uniform measures as the assignment problem that it is.

    .. math:: \min_\pi \; \frac1n \sum_i C_{i,\pi(i)}

    References
    ----------
    Crouse 2016 (the solver, a modified Jonker-Volgenant algorithm); Ferbach et al. 2024, lemma B.3 (the equivalence).
    """

    name: ClassVar[str] = "assignment"

    def __call__(self, cost: np.ndarray, ties: TieRule = TieRule()) -> TransportResult:  # noqa: B008 - it is frozen
        """Return the optimal coupling, a permutation matrix over n."""
        from scipy.optimize import linear_sum_assignment  # takes 0.4 s to import

        cost = square_cost(cost)
        return matched(cost, settled(cost, linear_sum_assignment(cost)[1], ties))
