"""`random`: random permutations, the control for what a method gains by looking."""

from dataclasses import dataclass
from typing import ClassVar

from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.problem import NOT_MATCHED, MatchingProblem, MatchingResult, permutation_maps


@dataclass(frozen=True, kw_only=True)
class Random(Matching):
    r"""Permute every group of B at random, uniformly and independently of one another.

    .. math:: \pi_l \sim \mathrm{Uniform}(S_{n_l})

    B computes the same function as before. Between networks that were trained from independent initialisations B's own order is a random
    one too, so that this control tells `identity` from what two networks have in common by their neurons' places, as networks with a
    common initialisation have.
    """

    name: ClassVar[str] = "random"
    needs: ClassVar[frozenset[str]] = frozenset({"generator"})

    @classmethod
    def unused(cls) -> frozenset[str]:
        return super().unused() | {"shuffled"}

    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return permutations drawn from the problem's generator, group by group."""
        draw = problem.generator
        return MatchingResult(
            maps=permutation_maps({group: draw.permutation(size) for group, size in problem.sizes.items()}),  # type: ignore[union-attr]
            is_permutation=True,
            layers=(),
            status=NOT_MATCHED,
            sentence="random permutations",
        )
