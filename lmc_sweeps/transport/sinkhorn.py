"""Entropic optimal transport by POT: a soft coupling, which the methods round to a permutation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.maths.doubly_stochastic import newton
from lmc_sweeps.transport.base import Transport, TransportResult, square_cost
from lmc_sweeps.transport.pot import load_pot
from lmc_sweeps.transport.ties import RESOLUTION, TieRule

EPSILON = 0.01  # the default of every method that has it beside its transport
TOLERANCE = 1e-6  # of the marginals, in units of 1/n
COARSEST, FINER = 1.0, 0.25  # epsilon of the first stage, and of each stage in that of the one before
ITERATIONS = 50  # of POT's sinkhorn at each stage


@dataclass(frozen=True, kw_only=True)
class Sinkhorn(Transport):
    r"""Solve the transport problem between two uniform measures with an entropic term.

    .. math:: \min_{\Gamma \ge 0} \; \langle \Gamma, C \rangle + \epsilon s \sum_{ij} \Gamma_{ij} \log \Gamma_{ij}
        \quad \text{s.t.} \quad \Gamma 1 = \Gamma^\top 1 = \tfrac1n 1, \qquad s = \operatorname{median}_{ij}\, (C_{ij} - \min C)

    so that neither a factor nor a constant in the cost changes the coupling; where the median is 0, as among dead neurons, s is the
    largest of these differences. The coupling is positive everywhere: a method rounds it to the permutation that keeps the most of its
    mass, which need not be the cheapest one, and says so (`is_permutation` is false). For :math:`\epsilon \to 0` it is the cheapest.

    Where neurons are equal, as dead ones are, the tie rule's criteria and then the places of neurons decide, by a millionth of s that is
    added to the cost. POT's iteration, which slows down as :math:`\epsilon` falls, is taken through falling values of it and ended by
    Newton's method.

    References
    ----------
    Cuturi 2013; Feydy et al. 2019 (POT's iteration, in the log domain). The scale s is ours.
    """

    name: ClassVar[str] = "sinkhorn"
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        checks.number(f"{self.name}.epsilon", self.epsilon, above=0.0)

    def __call__(self, cost: np.ndarray, ties: TieRule = TieRule()) -> TransportResult:  # noqa: B008 - it is frozen
        """Return the entropic coupling; `converged` is false when its marginals are off by more than 1e-6 of 1/n."""
        cost = square_cost(cost)
        above = cost - cost.min()
        scale = float(np.median(above)) or float(above.max()) or 1.0
        coupling = self._coupling(above / scale + _tie_cost(len(cost), ties))
        gap = max(np.abs(coupling.sum(axis) * len(cost) - 1.0).max() for axis in (0, 1))
        sentence = f"entropic, with epsilon {self.epsilon:g} of {scale:.3g}, the median of the cost above its least"
        if not gap <= TOLERANCE:
            sentence = f"sinkhorn did not converge (marginals off by {gap:.1e}; {sentence})"
        return TransportResult(coupling=coupling, cost=float(np.sum(coupling * cost)), converged=bool(gap <= TOLERANCE), sentence=sentence)

    def _coupling(self, cost: np.ndarray) -> np.ndarray:
        """Return the coupling of a cost of scale 1; each stage begins at the potentials of the one before."""
        ot = load_pot()
        n = len(cost)
        ones = np.ones(n)  # not 1/n: the matrix is balanced, and divided by n in the end
        count = max(0, int(np.ceil(np.log(self.epsilon / COARSEST) / np.log(FINER))))
        potentials = [np.zeros(n), np.zeros(n)]  # logarithms of scalings, times epsilon
        for epsilon in (*COARSEST * FINER ** np.arange(count), self.epsilon):
            starts = tuple(potential / epsilon for potential in potentials)
            with np.errstate(over="ignore"):  # in the scalings, which POT returns beside their logarithms
                _, log = ot.sinkhorn(
                    ones, ones, cost, epsilon, "sinkhorn_log", ITERATIONS, TOLERANCE, log=True, warn=False, warmstart=starts
                )
            potentials = [log["log_u"] * epsilon, log["log_v"] * epsilon]
        rows, columns = (potential / self.epsilon for potential in potentials)
        return newton(-cost / self.epsilon, rows, columns, TOLERANCE / 10).matrix / n


def _tie_cost(n: int, ties: TieRule) -> np.ndarray:
    """Return what decides between neurons of equal cost, in units of the cost's scale: each criterion a millionth of the one before."""
    places = np.arange(n, dtype=np.float64)
    total, weight = np.zeros((n, n)), 1.0
    for criterion in (*ties.criteria, lambda: (places[:, None] - places) ** 2):
        values = criterion()
        weight *= RESOLUTION
        total += weight * (values - values.min()) / (np.ptp(values) or 1.0)
    return total
