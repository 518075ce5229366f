"""`otfusion`: OTFusion's couplings of neurons, layer by layer, which stay soft: each neuron of A's frame is a mean of B's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch

from lmc_sweeps import transport
from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.base import Matching, SequentialMatching
from lmc_sweeps.matching.layers import check_finite, layer_report
from lmc_sweeps.matching.problem import (
    LOCAL,
    NOT_CONVERGED,
    OPTIMAL,
    LayerMatch,
    MatchingProblem,
    MatchingResult,
    Permutations,
)
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.symmetry.maps import Coupling, Map, Permutation, permutations_of
from lmc_sweeps.transport.base import TransportResult
from lmc_sweeps.transport.sinkhorn import EPSILON

COSTS: Mapping[str, SequentialMatching] = {"weights": Weights(), "activations": Activations(centred=False)}


@dataclass(frozen=True, kw_only=True)
class OtFusion(Matching):
    r"""Couple the neurons of each group in one pass from the first to the last, and map B by the couplings, without rounding them.

    .. math:: \Gamma_l = \arg\min_\Gamma \langle \Gamma, C^l \rangle, \qquad
              C^l_{ij} = \| W^l_{A,i} - (W^l_B\, C_{l-1}^\top)_j \|^2, \qquad \tilde W^l = R_l\, W_B^l\, C_{l-1}^\top

    over couplings of uniform measures, with the two sides of a coupling (`Coupling`): the rows of :math:`R_l` and the columns of
    :math:`C_l` sum to 1. Costs are taken on mapped columns: B's incoming weights as they are once the couplings of the groups before are
    applied; biases are mapped by the rows, and not compared. With `cost: activations` it is
    :math:`C^l_{ij} = \mathbb E\,(h^l_{A,i} - h^l_{B,j})^2` over the training set, with the means, which no earlier coupling changes.

    With an exact transport every coupling is a permutation, and where each group comes after those that it depends on, as in a chain, that
    of `weights`, or of `activations` uncentred. With ``sinkhorn`` the couplings blur: a mapped neuron is the mean of several of B's, its
    weights are smaller, the more so the larger `epsilon` is, and mapped B computes another function than B. Where groups depend on one
    another, as in a residual stream, the one pass compares what it can, and further ones do not follow. Batch-norm statistics are mapped
    by the rows as biases are, which of a variance is right for permutations only.

    The result's statistics have by group `partners`, the mean over A's neurons of :math:`1 / \sum_j R_{ij}^2`: how many neurons of B a
    mapped one is the mean of, 1 for permutations and n for a coupling that knows nothing.

    References
    ----------
    Singh and Jaggi 2020 (their activations are those of 200 examples before the activation function, ours those after it of all);
    one normalisation for rows and another for columns is ours, as are the groups of any symmetry graph.
    """

    name: ClassVar[str] = "otfusion"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "moments", "cross_moments"})
    keeps_gaussian: ClassVar[bool] = False  # mapped neurons are means of Gaussian ones, and smaller
    cost: str = "weights"
    transport: str = "emd"
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("matching.otfusion.cost", self.cost, COSTS)
        checks.one_of("matching.otfusion.transport", self.transport, transport.choices())
        checks.number("matching.otfusion.epsilon", self.epsilon, above=0.0)
        object.__setattr__(self, "needs", COSTS[self.cost].needs)  # moments take a pass over the training set

    def code(self) -> dict[str, str]:
        """Return the digests of the code of a user's own, of the transport too."""
        return super().code() | transport.code(self.transport)

    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        """Return the cost (n, n) of pairing A's neurons with B's, given the permutations of the groups before."""
        return COSTS[self.cost].ground_cost(problem, group, permutations)

    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the matrices whose approximate dimension is reported, those of `weights` or of `activations`."""
        return COSTS[self.cost].dimension_matrices(problem, group, centred)

    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        """Return the variances of A's neurons along their principal directions."""
        return COSTS[self.cost].spectrum(problem, group)

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the couplings of one pass over the groups; those that are permutations as such."""
        solve = transport.solver(self.transport, self.epsilon)
        mapped = problem
        maps: dict[str, Map] = {}
        costs, results = {}, {}
        is_early = False
        for layer, group in enumerate(problem.groups, start=1):
            is_early |= not COSTS[self.cost].partners(problem, group) <= maps.keys()
            cost = costs[group] = self._cost(problem, mapped, group, maps)
            check_finite(self, "ground_cost", layer, group, cost)
            results[group] = solve(cost, COSTS[self.cost].tie_rule(mapped, group, _same_order(maps)))
            maps[group] = _map(results[group])
            mapped = _mapped(mapped, group, maps[group])
        status, sentence = _ending(results, is_early)
        return MatchingResult(
            maps=maps,
            is_permutation=all(result.converged for result in results.values()),  # or else it was rounded
            layers=self._layers(problem, results, costs),
            status=status,
            sentence=sentence,
            statistics={"partners": tuple(_n_partners(mapping) for mapping in maps.values())},
        )

    def _cost(self, problem: MatchingProblem, mapped: MatchingProblem, group: str, maps: Mapping[str, Map]) -> np.ndarray:
        """Return the ground cost of a group; its weights are those of mapped B, while no map changes B's activations."""
        if self.cost == "weights":
            return self.ground_cost(mapped, group, _same_order(maps))
        return self.ground_cost(problem, group, permutations_of(maps))

    def _layers(
        self, problem: MatchingProblem, results: Mapping[str, TransportResult], costs: Mapping[str, np.ndarray]
    ) -> tuple[LayerMatch, ...]:
        """Return the report of all groups, with the costs of couplings where these are not permutations."""
        orders = {group: from_coupling(result.coupling) for group, result in results.items()}
        report = layer_report(self, problem, {group: order for group, (order, _) in orders.items()}, costs)
        soft = {group: result.cost for group, result in results.items() if result.converged and not orders[group][1]}
        return tuple(replace(layer, matching_cost=soft.get(layer.layer_name, layer.matching_cost)) for layer in report)


def _map(result: TransportResult) -> Map:
    """Return the map of a coupling; one that did not converge, whose mass may be lacking, is rounded."""
    order, is_permutation = from_coupling(result.coupling)
    if is_permutation or not result.converged:
        return Permutation(order)
    return Coupling(result.coupling / result.coupling.sum())


def _mapped(problem: MatchingProblem, group: str, mapping: Map) -> MatchingProblem:
    """Return the problem whose B has the neurons of one group mapped to A's, in all of its weights."""
    tensors = {name: torch.from_numpy(values) for name, values in problem.b.weights.items()}
    weights = {name: tensor.numpy() for name, tensor in problem.graph.apply(tensors, {group: mapping}).items()}
    return replace(problem, views=(problem.a, replace(problem.b, weights=weights), *problem.views[2:]))


def _same_order(maps: Mapping[str, Map]) -> dict[str, np.ndarray]:
    """Return the permutations of the groups that are mapped already, of which mapped B needs none."""
    return {group: np.arange(mapping.n_a) for group, mapping in maps.items()}


def _n_partners(mapping: Map) -> float:
    """Return the mean over A's neurons of the effective number of B's of which each is the mean."""
    return float((1 / (mapping.rows**2).sum(1)).mean()) if isinstance(mapping, Coupling) else 1.0


def _ending(results: Mapping[str, TransportResult], is_early: bool) -> tuple[str, str]:
    """Return the status and the sentence of a pass."""
    sentences = {group: f"layer {layer}: {result.sentence}" for layer, (group, result) in enumerate(results.items(), start=1)}
    failed = [sentences[group] for group, result in results.items() if not result.converged]
    if failed:
        return NOT_CONVERGED, "; ".join(failed)
    soft = [sentences[group] for group, result in results.items() if not from_coupling(result.coupling)[1]]
    ending = f"; couplings are not rounded ({'; '.join(soft)})" if soft else ""
    if is_early:
        return LOCAL, f"one pass over groups that depend on one another, each given those before it{ending}"
    return OPTIMAL, f"optimal, layer by layer{ending}"
