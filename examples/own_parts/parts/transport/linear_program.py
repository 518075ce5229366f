"""`linear_program`: optimal transport as the linear program that it is, by SciPy's HiGHS."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import eye_array, kron, vstack

from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.transport.base import Transport, TransportResult, matched, square_cost
from lmc_sweeps.transport.ties import TieRule, settled


@dataclass(frozen=True, kw_only=True)
class LinearProgram(Transport):
    r"""Solve the transport problem over all couplings; a vertex of these is a permutation (Birkhoff).

    .. math:: \min_{\Gamma \ge 0} \langle \Gamma, C \rangle, \qquad \Gamma 1 = \Gamma^\top 1 = 1 / n
    """

    name: ClassVar[str] = "linear_program"

    def __call__(self, cost: np.ndarray, ties: TieRule = TieRule()) -> TransportResult:  # noqa: B008 - it is frozen
        """Return the optimal coupling, a permutation matrix over n."""
        cost = square_cost(cost)
        n = len(cost)
        one, identity = np.ones((1, n)), eye_array(n)
        margins = vstack([kron(identity, one), kron(one, identity)])  # the sums of the rows, then those of the columns
        solved = linprog(cost.ravel(), A_eq=margins, b_eq=np.ones(2 * n), method="highs-ds")
        if not solved.success:
            uniform = np.full((n, n), 1 / n**2)
            return TransportResult(coupling=uniform, cost=float(cost.mean()), converged=False, sentence=solved.message)
        permutation, _ = from_coupling(solved.x.reshape(n, n) / n)
        return matched(cost, settled(cost, permutation, ties))  # of several optimal ones that which the rule of ties chooses
