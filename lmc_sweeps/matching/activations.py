"""`activations`: match neurons by what they compute, over the training set."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import ALWAYS
from lmc_sweeps.matching.base import SequentialMatching
from lmc_sweeps.matching.problem import MatchingProblem, Permutations
from lmc_sweeps.maths.dimension import spectrum_of_products
from lmc_sweeps.maths.ground_costs import activation_distances


@dataclass(frozen=True, kw_only=True)
class Activations(SequentialMatching):
    r"""Match neurons by the mean squared difference of their activations.

    .. math:: C_{ij} = \mathbb E\,(\bar h^l_{A,i} - \bar h^l_{B,j})^2, \qquad
              \arg\min_\pi \sum_i C_{i,\pi(i)} = \arg\max_\pi \sum_i \operatorname{Cov}(h^l_{A,i}, h^l_{B,\pi(i)})

    where the bar takes the mean away (`centred`). Activations of B do not change when its earlier layers are permuted, so the layers
    are independent of one another, and may feed one another; but neurons that are dead on every example cost the same, and between these
    the weights decide. The approximate dimension is that of the uncentred :math:`\mathbb E\, h^l (h^l)^\top`.

    References
    ----------
    Li et al. 2015; Ferbach et al. 2024, "AM": centred score, uncentred dimension, both as in their notebook.
    """

    name: ClassVar[str] = "activations"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "moments", "cross_moments"})  # weights decide between equal costs
    ordered: ClassVar[bool] = False
    keeps_gaussian: ClassVar[bool] = False  # a neuron is a function of the data, not linear in its weights
    centred: bool = field(default=True, metadata=ALWAYS)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.boolean("matching.activations.centred", self.centred)

    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        a, b, cross = problem.moments_a[group], problem.moments_b[group], problem.cross_moments[group]
        if self.centred:
            return activation_distances(a.covariance, b.covariance, cross - np.outer(a.mean, b.mean))
        return activation_distances(a.second, b.second, cross)

    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        if centred:
            return problem.moments_a[group].covariance, problem.moments_b[group].covariance
        return problem.moments_a[group].second, problem.moments_b[group].second

    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        moments = problem.moments_a[group]
        return spectrum_of_products(moments.covariance if self.centred else moments.second)
