"""A pair of small networks at their initialisation, what is measured on it, and a method that keeps the problem that it was shown."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.base import NEEDS, OPTIMAL, Matching, MatchingProblem, MatchingResult, permutation_maps
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.measuring.pairs import compare_pair
from lmc_sweeps.measuring.rows import PairResult
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mlp import Mlp

METHODS = (Identity(), Weights(), Covariance(), Activations())
INPUTS, CLASSES, POINTS = 6, 3, 7


@dataclass(frozen=True, kw_only=True)
class Spy(Matching):
    """Matches by reversal, keeps the problems that it was shown, and reports what its fields say."""

    name = "spy"
    needs = frozenset(NEEDS)
    wants: tuple[str, ...] = NEEDS
    status: str = OPTIMAL
    is_permutation: bool = True
    problems: list[MatchingProblem] = field(default_factory=list)

    def settings(self):
        return {"wants": self.wants}

    def __post_init__(self):
        object.__setattr__(self, "needs", frozenset(self.wants))

    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        self.problems.append(problem)
        reversal = {group: np.arange(size)[::-1].copy() for group, size in problem.sizes.items()}
        return MatchingResult(
            maps=permutation_maps(reversal),
            is_permutation=self.is_permutation,
            layers=(),
            status=self.status,
            sentence="out of steps",
        )


def perceptron() -> FeedForward:
    return Mlp().architecture(Shape((INPUTS,), 8, 2, CLASSES))


def network(number: int) -> dict[str, Tensor]:
    return Mlp(initialisation="he").initial(Shape((INPUTS,), 8, 2, CLASSES), np.random.default_rng(number))


def examples(n: int, seed: int) -> Split:
    rng = torch.Generator().manual_seed(seed)
    return Split(torch.randn(n, INPUTS, generator=rng), torch.randint(CLASSES, (n,), generator=rng))


TRAIN, TEST = examples(60, 1), examples(40, 2)


def measured(architecture: FeedForward, methods=METHODS, **changes) -> PairResult:
    return compare_pair(architecture, network(0), network(1), TRAIN, TEST, methods, **{"points": POINTS, **changes})


def row_of(table: list, matching: str, split: str):
    """Return the one row of a method on a split."""
    (row,) = [row for row in table if (row.matching, row.split) == (matching, split)]
    return row
