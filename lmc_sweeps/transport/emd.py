"""Exact optimal transport by the network simplex of POT."""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps.transport.base import Transport, TransportResult, matched, square_cost
from lmc_sweeps.transport.pot import load_pot
from lmc_sweeps.transport.ties import TieRule, settled


@dataclass(frozen=True, kw_only=True)
class Emd(Transport):
    r"""Solve the transport problem between two uniform measures exactly.

    .. math:: \min_{\Gamma \ge 0} \; \langle \Gamma, C \rangle \quad \text{s.t.} \quad \Gamma 1 = \Gamma^\top 1 = \tfrac1n 1

    The simplex ends in a vertex, so the coupling is a permutation matrix over n (Birkhoff). The marginals go in as float64 ones, not
    1/n: then every flow is a whole number and no mass is lost to rounding.

    References
    ----------
    Bonneel et al. 2011 (the solver); Ferbach et al. 2024, lemma B.3 (why it matches neurons).
    """

    name: ClassVar[str] = "emd"
    max_iterations: int = 10_000_000

    def __call__(self, cost: np.ndarray, ties: TieRule = TieRule()) -> TransportResult:  # noqa: B008 - it is frozen
        """Return the optimal coupling; `converged` is false when the iteration limit was reached or mass is missing."""
        ot = load_pot()
        cost = square_cost(cost)
        ones = np.ones(len(cost))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of what `converged` and the sentence say
            flow, log = ot.emd(ones, ones, cost, numItermax=self.max_iterations, log=True)
        gap = max(np.abs(flow.sum(axis) - 1.0).max() for axis in (0, 1))
        if log["warning"] is None and gap < 1e-9:
            return matched(cost, settled(cost, np.asarray(flow.argmax(axis=1)), ties, np.asarray(log["v"])))
        coupling = np.asarray(flow) / len(cost)
        sentence = f"POT's emd did not converge ({log['warning']}; marginals off by {gap:.1e})"
        return TransportResult(coupling=coupling, cost=float(np.sum(coupling * cost)), converged=False, sentence=sentence)
