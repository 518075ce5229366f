"""`procrustes`: weight matching by permutations and, where neurons are coordinates, by orthogonal maps."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.all_weights import AllWeightsMatching
from lmc_sweeps.matching.iteration import Iteration, iterate
from lmc_sweeps.matching.layers import layer_report
from lmc_sweeps.matching.problem import LOCAL, NOT_CONVERGED, LayerMatch, MatchingProblem, MatchingResult
from lmc_sweeps.matching.richer import Search, Values

MOST_SWEEPS = 100
SETTLED = 1e-6  # of the squared distance: a sweep that gains less ends the search


@dataclass(frozen=True, kw_only=True)
class Procrustes(AllWeightsMatching):
    r"""Match all groups by all of their weights, by orthogonal maps where these keep the function and by permutations elsewhere.

    .. math:: \min_Q \| \theta_A - Q \theta_B \|^2

    over the parameters of both networks in linear form (`LinearForm`): norms of residual streams are folded into the layers that read
    behind them, and then any orthogonal map of the stream keeps the function, one that leaves the vector of ones if the norms take off the
    mean; so does one of the coordinates of queries and keys, or of values, inside of every attention head that has several. Networks on the
    line have the architecture that they had, with scales of 1 and shifts of 0. Where nothing is of that kind, as in a perceptron, all maps
    are permutations, and the metric is that of `rebasin`.

    At first each group is matched by what can be compared, beginning with those that embeddings and the last layer know; sweeps follow,
    in which each group, or the heads of a layer with all of their coordinates, is given its best map while the others stay
    (`richer.Search`). No sweep makes the distance larger; the search ends where one gains less than a millionth of it. That is a local
    minimum, which does not depend on the order of B's neurons unless several maps are as good.

    The result's objective is the squared distance after every sweep.

    References
    ----------
    Theus et al. 2025, arXiv 2506.22712: weight matching with orthogonal maps of the residual stream, there with products of queries and
    keys in the place of both, so that their interpolated network is of another architecture; maps inside of heads are ours.
    """

    name: ClassVar[str] = "procrustes"
    needs: ClassVar[frozenset[str]] = frozenset({"weights"})
    folds: ClassVar[bool] = True

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the maps at the end of the search."""
        search = Search(problem)
        ended = searched(search)
        values = ended.state
        return MatchingResult(
            maps=search.maps(values),
            is_permutation=True,
            layers=richer_report(self, search, values),
            status=LOCAL if ended.is_done else NOT_CONVERGED,
            sentence=f"{_counted(search)}, after {ended.steps} sweeps",
            objective=ended.objective,
        )


def searched(search: Search) -> Iteration[dict[str, np.ndarray]]:
    """Return where sweeps end, with the squared distance after each."""

    def is_done(before: Values, after: Values) -> bool:
        return search.distance(before) - search.distance(after) <= SETTLED * search.distance(before)

    return iterate(search.first(), search.sweep, is_done, MOST_SWEEPS, search.distance)


def richer_report(metric: AllWeightsMatching, search: Search, values: Values) -> tuple[LayerMatch, ...]:
    """Return the report of all groups: costs are mean squared distances of A's neurons and mapped B's, given the maps of other groups.

    Of a group under an orthogonal map a neuron is one of the coordinates that it is mapped to; a head is compared in the coordinates in
    which it is nearest.
    """
    problem, orders = search.problem, {}
    costs = search.costs(metric, values)
    for group, cost in costs.items():
        orders[group] = values[group] if values[group].ndim == 1 else np.arange(len(cost))
    report, matched = layer_report(metric, problem, orders, costs), search.moved(values)
    return tuple(
        layer if values[layer.layer_name].ndim == 1 else replace(layer, matching_cost=_own_cost(metric, matched, layer.layer_name))
        for layer in report
    )


def _own_cost(metric: AllWeightsMatching, matched: MatchingProblem, group: str) -> float:
    return float(np.diag(metric.ground_cost(matched, group, {})).mean())


def _counted(search: Search) -> str:
    """Return how many groups were mapped by what."""
    n = len(search.problem.linear)
    return f"{n} groups by orthogonal maps, {len(search.problem.groups) - n} by permutations"
