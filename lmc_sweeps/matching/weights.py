"""`weights`: the paper's naive weight matching, incoming weights layer by layer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import ALWAYS
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.entropic import EntropicMatching
from lmc_sweeps.matching.neuron_weights import neuron_rows
from lmc_sweeps.matching.problem import MatchingProblem, Permutations
from lmc_sweeps.maths.dimension import spectrum_of_rows
from lmc_sweeps.maths.ground_costs import squared_distances


@dataclass(frozen=True, kw_only=True)
class Weights(EntropicMatching):
    r"""Match neurons by their incoming weights.

    .. math:: C_{ij} = \| W^l_{A,i} - (W^l_B P_{l-1})_j \|^2

    where :math:`P_{l-1}` reorders B's input axis by the permutation found one layer below. With `biases`, a row is
    :math:`(W_i, b_i)`; with `outgoing`, rows of the last hidden layer also have the weights that lead from the neuron to the outputs (those
    of earlier layers lead to neurons that are not matched yet). The approximate dimension is that of :math:`(W^l)^\top W^l`.

    References
    ----------
    Ferbach et al. 2024, "Naive WM" (`biases` and `outgoing` off, as in their notebook); with both, the particles
    :math:`\theta_i = (w_i, b_i, a_i)` of their theorem 3.1. Git Re-Basin's weight matching adds the outgoing weights of every layer, and
    iterates.
    """

    name: ClassVar[str] = "weights"
    needs: ClassVar[frozenset[str]] = frozenset({"weights"})
    keeps_gaussian: ClassVar[bool] = True
    biases: bool = field(default=False, metadata=ALWAYS)
    outgoing: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.boolean("matching.weights.biases", self.biases)
        checks.boolean("matching.weights.outgoing", self.outgoing)

    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        rows_a = self._rows(problem, problem.a.weights, group, {}, permutations)
        rows_b = self._rows(problem, problem.b.weights, group, permutations, permutations)
        return squared_distances(rows_a, rows_b)

    @one_thread()
    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        a, b = (self._rows(problem, view.weights, group, {}) for view in (problem.a, problem.b))
        if centred:
            a, b = a - a.mean(0), b - b.mean(0)
        return a @ a.T, b @ b.T  # (n, d) @ (d, n): the non-zero spectrum of W^T W

    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        return spectrum_of_rows(self._rows(problem, problem.a.weights, group, {}))

    def _rows(
        self,
        problem: MatchingProblem,
        weights: Mapping[str, np.ndarray],
        group: str,
        permutations: Permutations,
        matched: Collection[str] | None = None,
    ) -> np.ndarray:
        return neuron_rows(problem, weights, group, permutations, self.biases, self.outgoing, matched)
