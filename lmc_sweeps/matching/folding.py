"""`folding`: the control of maps richer than permutations: the networks in the form that these need, and B's neurons where they are."""

from dataclasses import dataclass
from typing import ClassVar

from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.problem import MatchingProblem, MatchingResult


@dataclass(frozen=True, kw_only=True)
class Folding(Matching):
    """Fold the norms of residual streams into the layers behind them, in A and in B, and change nothing else.

    The line then lies between other weights of the same two functions. What `procrustes` and `learned_maps` gain they gain over this one.

    References
    ----------
    Ours, as a control.
    """

    name: ClassVar[str] = "folding"
    needs: ClassVar[frozenset[str]] = frozenset()
    folds: ClassVar[bool] = True

    @classmethod
    def unused(cls) -> frozenset[str]:
        return super().unused() | {"shuffled"}

    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the permutations that move nothing."""
        return Identity()(problem)
