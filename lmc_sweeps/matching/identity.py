"""`identity`: no matching, the control beside every method."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.problem import NOT_MATCHED, MatchingProblem, MatchingResult, permutation_maps


@dataclass(frozen=True, kw_only=True)
class Identity(Matching):
    """Leave every neuron of B where it is."""

    name: ClassVar[str] = "identity"
    needs: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def unused(cls) -> frozenset[str]:
        return super().unused() | {"shuffled"}

    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the permutations that move nothing."""
        return MatchingResult(
            maps=permutation_maps({group: np.arange(size) for group, size in problem.sizes.items()}),
            is_permutation=True,
            layers=(),
            status=NOT_MATCHED,
            sentence="not matched",
        )
