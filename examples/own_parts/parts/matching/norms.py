"""`norms`: match neurons by the size of their incoming weights alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.matching.base import OPTIMAL, LayerMatch, Matching, MatchingProblem, MatchingResult, neuron_rows, permutation_maps


@dataclass(frozen=True, kw_only=True)
class Norms(Matching):
    r"""Pair the i-th largest neuron of A with the i-th largest of B: optimal transport on the line, which is sorting.

    .. math:: C_{ij} = (\|w_i\| - \|v_j\|)^2
    """

    name: ClassVar[str] = "norms"
    needs: ClassVar[frozenset[str]] = frozenset({"weights"})
    biases: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.boolean("matching.norms.biases", self.biases)

    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        permutations, layers = {}, []
        for layer, group in enumerate(problem.groups, start=1):
            a, b = (self._norms(problem, weights, group) for weights in (problem.a.weights, problem.b.weights))
            permutation = np.empty(len(a), dtype=np.int64)
            permutation[np.argsort(a, kind="stable")] = np.argsort(b, kind="stable")  # aligned = weight_b[permutation]
            permutations[group] = permutation
            layers.append(
                LayerMatch(
                    layer=layer,
                    layer_name=group,
                    matching_cost=float(np.mean((a - b[permutation]) ** 2)),
                    identity_cost=float(np.mean((a - b) ** 2)),
                    approximate_dimension=1.0,  # tr(S)^2 / tr(S^2) of a matrix of rank 1: neurons are points on a line
                    approximate_dimension_b=1.0,
                    approximate_dimension_centred=1.0,
                    approximate_dimension_centred_b=1.0,
                    effective_dimension=math.nan,  # NaN is an empty cell: theory says nothing here
                    cost_lower_bound=math.nan,
                    expected_slope=math.nan,
                )
            )
        return MatchingResult(
            maps=permutation_maps(permutations),
            is_permutation=True,
            layers=tuple(layers),
            status=OPTIMAL,
            sentence="optimal, layer by layer",
        )

    def _norms(self, problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str) -> np.ndarray:
        """Return the norms of a group's neurons, (n,); the order of the layers below does not change them."""
        return np.asarray(np.linalg.norm(neuron_rows(problem, weights, group, {}, biases=self.biases), axis=1))
