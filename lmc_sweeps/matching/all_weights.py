"""Methods that compare all weights on both sides of every group: their metric, and the squared distance that they make small."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.neuron_weights import all_rows
from lmc_sweeps.matching.problem import MatchingProblem, NetworkView, Permutations
from lmc_sweeps.maths.dimension import spectrum_of_products
from lmc_sweeps.maths.ground_costs import squared_distances

LEAST_GAIN = 1e-12  # of |A|^2 + |B|^2: below it is rounding, and a loop could go round between permutations that are as good


@dataclass(frozen=True, kw_only=True)
class AllWeightsMatching(Matching):
    r"""A method whose neurons are all of their weights: what they read, biases, scales and shifts, and what reads them.

    .. math:: \min_P \| \theta_A - P \theta_B \|^2 = \|\theta_A\|^2 + \|\theta_B\|^2 - 2 \max_P \sum_p \langle W^p_A, P W^p_B \rangle

    over parameters: statistics and constants are no weights.
    """

    keeps_gaussian: ClassVar[bool] = False

    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        """Return the squared distances of all weights of A's neurons and B's, those of B with the others' permutations."""
        rows = zip(all_rows(problem, problem.a.weights, group, {}), all_rows(problem, problem.b.weights, group, permutations), strict=True)
        n = problem.sizes[group]
        return sum((squared_distances(a, b) for a, b in rows), np.zeros((n, n)))

    @one_thread()
    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the products of neurons' weights, of A and of B, each in its own order."""
        a, b = (_products(problem, view, group, centred) for view in (problem.a, problem.b))
        return a, b

    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        """Return the variances of A's neurons along their principal directions."""
        return spectrum_of_products(_products(problem, problem.a, group, centred=False))


def squares(problem: MatchingProblem, weights: Mapping[str, np.ndarray]) -> float:
    """Return the squared norm of a network's parameters."""
    return sum(float(np.sum(weights[name] ** 2)) for name in weights if name not in problem.graph.buffers)


def squared_distance(problem: MatchingProblem, orders: Permutations) -> float:
    r"""Return :math:`\|\theta_A - P\theta_B\|^2` over the parameters."""
    return _distance(problem, orders, [name for name in problem.a.weights if name not in problem.graph.buffers])


def own_distance(problem: MatchingProblem, group: str, orders: Permutations) -> float:
    """Return the part of the squared distance that a group's permutation changes."""
    names = dict.fromkeys(name for name, _ in problem.graph.holders(group) if name not in problem.graph.buffers)
    return _distance(problem, orders, list(names))


def _distance(problem: MatchingProblem, orders: Permutations, names: list[str]) -> float:
    total = 0.0
    for name in names:
        moved = problem.b.weights[name]
        for k, axis in enumerate(problem.graph.axes.get(name, ())):
            if (order := axis.order(orders)) is not None:
                moved = moved.take(order, axis=k)
        total += float(np.sum((problem.a.weights[name] - moved) ** 2))
    return total


def _products(problem: MatchingProblem, view: NetworkView, group: str, centred: bool) -> np.ndarray:
    n = problem.sizes[group]
    parts = (rows - rows.mean(0) if centred else rows for rows in all_rows(problem, view.weights, group, {}))
    return sum((rows @ rows.T for rows in parts), np.zeros((n, n)))
