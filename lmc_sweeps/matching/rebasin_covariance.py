"""`rebasin_covariance`: Git Re-Basin's search in the metric of activations."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import ClassVar

import numpy as np

from lmc_sweeps import transport
from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import LATER
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.all_weights import AllWeightsMatching
from lmc_sweeps.matching.problem import MatchingProblem, MatchingResult, NetworkView, Permutations
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.symmetry.axes import Factor
from lmc_sweeps.symmetry.sites import read_axis
from lmc_sweeps.transport.sinkhorn import EPSILON


@dataclass(frozen=True, kw_only=True)
class RebasinCovariance(AllWeightsMatching):
    r"""Match all groups by all of their weights, those that read activations in the metric of these.

    .. math:: \min_P \sum_p \| W^p_A M^p_A - P (W^p_B M^p_B) \|^2 + \sum_b \| b_A - P b_B \|^2, \qquad
              M^p = \left( \mathbb E\, h h^\top \right)^{1/2}

    where h is what the tensor p reads in its own network, its second moments are uncentred over the training set, and the root is the
    symmetric one; P permutes outputs and inputs, and b are biases, scales and shifts, which count as they are. Since
    :math:`(P \Sigma P^\top)^{1/2} = P \Sigma^{1/2} P^\top`, the product :math:`W_B M_B` of a permuted B is the permuted product, and this
    is the squared distance of `rebasin` for the weights :math:`W M`: linear in each group (where no tensor has it twice), so that the
    best permutation of a group is an assignment, and every accepted step makes the one objective smaller. Search, restarts and what is
    reported are those of `rebasin`, in this metric.

    A term is :math:`\mathbb E\, \| W_A h_A - \tilde W_B \tilde h_B \|^2`, the mean squared difference of what the two networks compute
    there, for :math:`h_A = M_A z` and :math:`\tilde h_B = \tilde M_B z` made of the same z, which is white. Where both networks have the
    same moments, as at the input, it is the cost of `covariance`, :math:`\mathbb E\, \| (W_A - \tilde W_B) h_A \|^2`.

    With A's moments for both networks there is no such objective: the cost of `covariance` summed over tensors has the term
    :math:`\operatorname{tr}(P_c W_B^\top W_B P_c^\top \Sigma_A)`, which is quadratic in the permutation of the inputs, so that its best one
    is no assignment; and with plain distances for outgoing weights a step could undo what that of another group gained.

    References
    ----------
    Ours; of Ainsworth, Hayase and Srinivasa 2023, algorithm 1, and the metric of Ferbach et al. 2024, "WM (ours)".
    """

    name: ClassVar[str] = "rebasin_covariance"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "moments", "generator"})
    transport: str = "assignment"
    epsilon: float = field(default=EPSILON, metadata=LATER)
    starts: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("matching.rebasin_covariance.transport", self.transport, transport.choices())
        checks.number("matching.rebasin_covariance.epsilon", self.epsilon, above=0.0)
        checks.integer("matching.rebasin_covariance.starts", self.starts)

    def code(self) -> dict[str, str]:
        """Return the digests of the code of a user's own, of the transport too."""
        return super().code() | transport.code(self.transport)

    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the permutations of the best of several searches."""
        return Rebasin(transport=self.transport, epsilon=self.epsilon, starts=self.starts)(weighted(problem))

    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        return super().ground_cost(weighted(problem), group, permutations)

    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        return super().dimension_matrices(weighted(problem), group, centred)

    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        return super().spectrum(weighted(problem), group)


@one_thread()
def weighted(problem: MatchingProblem) -> MatchingProblem:
    """Return the problem whose weights are multiplied by the root of the second moments of what they read, each network by its own."""
    views = tuple(NetworkView(weights=_weighted_tensors(problem, view)) for view in problem.views)
    return replace(problem, views=views)


def _weighted_tensors(problem: MatchingProblem, view: NetworkView) -> dict[str, np.ndarray]:
    """Return a network's tensors; what is read where no product shows it counts as one input of size 1 at a time, as in `covariance`."""
    roots: dict[str, np.ndarray] = {}
    tensors = dict(view.weights)
    for name in (name for name in tensors if name not in problem.graph.buffers):
        axes = problem.graph.axes.get(name, ())
        if (inputs := read_axis(axes)) is None:
            continue
        parts, start = [], 0
        for s, factors in enumerate(axes[inputs].segments):
            end = start + prod(factor.size for factor in factors)
            part = np.moveaxis(tensors[name], inputs, -1)[..., start:end]
            key = _key(problem.reads.get(name, ()), s, factors)
            if key not in roots and (moments := view.moments_at(key)) is not None:
                roots[key] = root_of(moments.second)
            parts.append(_product(part, factors, roots.get(key)))
            start = end
        tensors[name] = np.moveaxis(np.concatenate(parts, axis=-1), -1, inputs)
    return tensors


def _key(keys: Sequence[str], segment: int, factors: Sequence[Factor]) -> str:
    """Return the key of the moments of what a segment reads: without one, as of the last layer of a specification, that of its group."""
    groups = [factor.group for factor in factors if factor.group is not None]
    if keys:
        return keys[min(segment, len(keys) - 1)]
    return groups[0] if len(groups) == 1 else ""


def _product(part: np.ndarray, factors: Sequence[Factor], root: np.ndarray | None) -> np.ndarray:
    """Return weights (..., places) times a root (d, d) on those factors of the places that are neurons; others are positions."""
    first = part.ndim - 1
    neurons = [k for k, factor in enumerate(factors) if factor.group is not None] or [0]
    order = [*range(first), *(first + k for k in range(len(factors)) if k not in neurons), *(first + k for k in neurons)]
    split = part.reshape(*part.shape[:-1], *(factor.size for factor in factors)).transpose(order)
    d = prod(factors[k].size for k in neurons)
    rows = split.reshape(-1, d)
    rows = rows / np.sqrt(d) if root is None else rows @ root
    return rows.reshape(split.shape).transpose(np.argsort(order)).reshape(part.shape)


def root_of(second: np.ndarray) -> np.ndarray:
    """Return the symmetric root of a positive semi-definite matrix; eigenvalues that rounding made negative are 0."""
    values, vectors = np.linalg.eigh(second)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
