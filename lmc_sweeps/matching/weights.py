"""`weights`: the paper's naive weight matching, incoming weights layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps import checks
from lmc_sweeps.ground_costs import squared_distances
from lmc_sweeps.matching.base import MatchingProblem, Permutations, SequentialMatching, bias_column, incoming_rows


@dataclass(frozen=True, kw_only=True)
class Weights(SequentialMatching):
    r"""Match neurons by their incoming weights.

    .. math:: C_{ij} = \| W^l_{A,i} - (W^l_B P_{l-1})_j \|^2

    where :math:`P_{l-1}` reorders B's input axis by the permutation found one layer below. With `biases`, a row is
    :math:`(W_i, b_i)`. The approximate dimension is that of :math:`(W^l)^\top W^l`.

    References
    ----------
    Ferbach et al. 2024, "Naive WM" (`biases` off, as in their notebook). Git Re-Basin's weight matching differs: it adds outgoing weights
    and iterates.
    """

    name: ClassVar[str] = "weights"
    needs: ClassVar[frozenset[str]] = frozenset({"weights"})
    biases: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.boolean("matching.weights.biases", self.biases)

    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        rows_a = self._rows(problem, problem.weights_a, group, {})
        rows_b = self._rows(problem, problem.weights_b, group, permutations)
        return squared_distances(rows_a, rows_b)

    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        a, b = (self._rows(problem, weights, group, {}) for weights in (problem.weights_a, problem.weights_b))
        if centred:
            a, b = a - a.mean(0), b - b.mean(0)
        return a @ a.T, b @ b.T  # (n, d) @ (d, n): the non-zero spectrum of W^T W

    def _rows(self, problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str, permutations: Permutations) -> np.ndarray:
        parts = [position for _, kernel in incoming_rows(problem, weights, group, permutations) for position in kernel]
        if self.biases:
            parts.append(bias_column(problem, weights, group))
        return np.concatenate(parts, axis=1)
