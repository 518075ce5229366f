"""`activations`: match neurons by what they compute, over the training set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import ALWAYS, LATER
from lmc_sweeps.matching.entropic import EntropicMatching
from lmc_sweeps.matching.problem import MatchingProblem, Moments, NetworkView, Permutations
from lmc_sweeps.maths.dimension import spectrum_of_products
from lmc_sweeps.maths.ground_costs import activation_distances
from lmc_sweeps.symmetry.axes import Factor
from lmc_sweeps.symmetry.sites import Site

LEAST_VARIANCE = 1e-12  # of the second moment: less is the rounding of a constant in float32


@dataclass(frozen=True, kw_only=True)
class Activations(EntropicMatching):
    r"""Match neurons by the mean squared difference of their activations.

    .. math:: C_{ij} = \mathbb E\,(\bar h^l_{A,i} - \bar h^l_{B,j})^2, \qquad
              \arg\min_\pi \sum_i C_{i,\pi(i)} = \arg\max_\pi \sum_i \operatorname{Cov}(h^l_{A,i}, h^l_{B,\pi(i)})

    where the bar takes the mean away (`centred`). Activations of B do not change when its earlier layers are permuted, so the layers
    are independent of one another, and may feed one another; but neurons that are dead on every example cost the same, and between these
    the weights decide, as they do where no product shows a group. Groups that are factors of one axis, as attention heads and what is
    inside of them, are matched in turn, each given the other. The approximate dimension is that of the uncentred
    :math:`\mathbb E\, h^l (h^l)^\top`.

    With `correlation` each neuron is divided by its standard deviation (uncentred by the root of its second moment), so that the best
    permutation has the largest sum of correlations, whatever the scale of a neuron. One that does not vary has no correlation: its row and
    column are 0, and it costs 0 with another such neuron, and 1 with any other. Nothing is added to denominators, as 0.0001 is elsewhere,
    by which the scale of activations would count.

    References
    ----------
    Li et al. 2015; Ferbach et al. 2024, "AM": centred score, uncentred dimension, both as in their notebook. Ainsworth et al. 2023 match
    by uncentred products, Jordan et al. 2023 (REPAIR) by correlations.
    """

    name: ClassVar[str] = "activations"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "moments", "cross_moments"})  # weights decide between equal costs
    ordered: ClassVar[bool] = False
    keeps_gaussian: ClassVar[bool] = False  # a neuron is a function of the data, not linear in its weights
    centred: bool = field(default=True, metadata=ALWAYS)
    correlation: bool = field(default=False, metadata=LATER)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.boolean("matching.activations.centred", self.centred)
        checks.boolean("matching.activations.correlation", self.correlation)

    def partners(self, problem: MatchingProblem, group: str) -> set[str]:
        factors = [factor.group for site in self._shown(problem, group) for factor in site.neurons]
        return {other for other in factors if other is not None and other != group}

    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        shown = self._shown(problem, group)
        n = problem.sizes[group]
        return np.sum([self._cost(problem, site, group, permutations) for site in shown], axis=0) if shown else np.zeros((n, n))

    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        both = [self._second(problem, view, group, centred) for view in (problem.a, problem.b)]
        return both[0], both[1]

    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        return spectrum_of_products(self._second(problem, problem.a, group, self.centred, self.correlation))

    def _shown(self, problem: MatchingProblem, group: str) -> list[Site]:
        """Return the sites of a group whose activations could be read; without one, all neurons cost the same, and the weights decide."""
        return [site for site in problem.sites.get(group, ()) if problem.a.moments_at(site.key) is not None]

    def _cost(self, problem: MatchingProblem, site: Site, group: str, permutations: Permutations) -> np.ndarray:
        a, b, cross = problem.a.moments[site.key], problem.b.moments[site.key], problem.cross_moments[0, 1][site.key]
        products = cross - np.outer(a.mean, b.mean) if self.centred else cross
        if self.correlation:
            products = _scales(a, self.centred)[:, None] * products * _scales(b, self.centred)
        second_a, second_b = (_second_moments(moments, self.centred, self.correlation) for moments in (a, b))
        distances = activation_distances(second_a, second_b, products)
        return distances if len(site.neurons) == 1 else _factor_costs(distances, site.neurons, group, permutations)

    def _second(self, problem: MatchingProblem, view: NetworkView, group: str, centred: bool, correlation: bool = False) -> np.ndarray:
        """Return the second moments of a group's neurons, (n, n), summed over what else is a factor of its site."""
        shown = self._shown(problem, group)
        if not shown:
            return np.zeros((problem.sizes[group], problem.sizes[group]))
        second = _second_moments(view.moments[shown[0].key], centred, correlation)
        return second if len(shown[0].neurons) == 1 else _own_block(second, shown[0].neurons, group)


def _second_moments(moments: Moments, centred: bool, correlation: bool) -> np.ndarray:
    """Return second moments as a method compares them: centred or not, or the correlations."""
    second = moments.covariance if centred else moments.second
    if not correlation:
        return second
    scales = _scales(moments, centred)
    return scales[:, None] * second * scales


def _scales(moments: Moments, centred: bool) -> np.ndarray:
    """Return one over the standard deviation of every neuron, (n,), uncentred over the root of its second moment; 0 if it does not vary."""
    squares = np.diag(moments.second)
    variances = np.diag(moments.covariance) if centred else squares
    varies = variances > LEAST_VARIANCE * squares
    return np.where(varies, 1 / np.sqrt(np.where(varies, variances, 1.0)), 0.0)


def _own_block(second: np.ndarray, factors: Sequence[Factor], group: str) -> np.ndarray:
    """Return the trace over the other factors of a matrix (product of factors, product of factors), (n, n)."""
    blocks = _own_first(second, factors, group)  # (n, s, n, s)
    return np.einsum("isjs->ij", blocks)


def _own_first(matrix: np.ndarray, factors: Sequence[Factor], group: str) -> np.ndarray:
    """Return a matrix between products of factors as (n, s, n, s): on each side the factor of a group, then all others."""
    sizes = [factor.size for factor in factors]
    own = [factor.group for factor in factors].index(group)
    order = [own, *(k for k in range(len(sizes)) if k != own)]
    n, s = sizes[own], prod(sizes) // sizes[own]
    return matrix.reshape(*sizes, *sizes).transpose([*order, *(len(sizes) + k for k in order)]).reshape(n, s, n, s)


def _factor_costs(distances: np.ndarray, factors: Sequence[Factor], group: str, permutations: Permutations) -> np.ndarray:
    r"""Return the cost of pairing the neurons of one factor of a site, (n, n), from those of pairing all its places.

    .. math:: C_{ij} = \sum_s D_{(i, s), (j, \sigma(s))}

    where :math:`\sigma` is the order of the other factors; before they are matched, that which makes the sum least, for each i and j.
    """
    others = [factor for factor in factors if factor.group != group]
    blocks = _own_first(distances, factors, group)  # (n, s, n, s)
    if all(factor.group in permutations for factor in others):
        places = np.arange(prod(factor.size for factor in others)).reshape([factor.size for factor in others])
        for k, factor in enumerate(others):
            places = places.take(permutations[str(factor.group)], axis=k)
        return np.einsum("isjs->ij", blocks[..., places.ravel()])
    from scipy.optimize import linear_sum_assignment  # SciPy's optimizers take 0.2 s to import, and only attention needs them here

    n = len(blocks)
    costs = np.empty((n, n))
    for i, j in np.ndindex(n, n):
        rows, columns = linear_sum_assignment(blocks[i, :, j])
        costs[i, j] = blocks[i, :, j][rows, columns].sum()
    return costs
