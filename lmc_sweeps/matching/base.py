"""What every matching method is: settings called on one frozen problem that return permutations and what they cost."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, ClassVar

import numpy as np

from lmc_sweeps import transport
from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import ALWAYS, LATER, Measuring
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.iteration import Iteration, iterate
from lmc_sweeps.matching.layers import check_finite, layer_report
from lmc_sweeps.matching.neuron_weights import all_rows, bias_column, incoming, incoming_rows, neuron_rows, outgoing_columns, partners
from lmc_sweeps.matching.problem import (
    FIXED_POINT,
    LOCAL,
    NEEDS,
    NOT_CONVERGED,
    NOT_MATCHED,
    OPTIMAL,
    LayerMatch,
    Maps,
    MatchingProblem,
    MatchingResult,
    Moments,
    NetworkView,
    Permutations,
    permutation_maps,
)
from lmc_sweeps.maths.ground_costs import squared_distances
from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.transport.base import Transport
from lmc_sweeps.transport.ties import TieRule

__all__ = [  # all that the file of a method needs, one's own too
    "FIXED_POINT", "LOCAL", "NEEDS", "NOT_CONVERGED", "NOT_MATCHED", "OPTIMAL", "LayerMatch", "Maps", "Matching", "MatchingProblem",
    "MatchingResult", "Moments", "NetworkView", "Permutations", "SequentialMatching", "all_rows", "bias_column", "check_finite",
    "incoming", "incoming_rows", "layer_report", "neuron_rows", "outgoing_columns", "partners", "permutation_maps",
]  # fmt: skip

TRAIN, TEST = SPLITS = ("train", "test")
DATA = frozenset({"moments", "cross_moments", "loss"})  # needs that are computed of examples
MOST_SWEEPS, PATIENCE = 100, 5  # over groups that depend on one another; without a new least cost


@dataclass(frozen=True, kw_only=True)
class Matching(Measuring, ABC):
    """The settings of a matching method; `needs` says which parts of the problem it looks at.

    One that `folds` is shown, and measured on, networks in linear form (`symmetry.linear_form`), in which more maps keep the function.

    Parameters
    ----------
    matching_examples : int, optional
        Number of examples, spread evenly, that moments and losses are taken of; all of them if not given.
    matching_split : str
        Whose: ``train``, or ``test``, which then is no longer unseen.
    shuffled : bool
        Whether B's neurons are put in random order before the method sees B. The permutations found are those of B as it is.
        A control: of a method that does not depend on that order the result stays the same.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]]
    folds: ClassVar[bool] = False
    matching_examples: int | None = field(default=None, metadata=LATER)
    matching_split: str = field(default=TRAIN, metadata=LATER)
    shuffled: bool = field(default=False, metadata=LATER)

    def __post_init__(self) -> None:
        if self.matching_examples is not None:
            checks.integer(f"matching.{self.name}.matching_examples", self.matching_examples)
        checks.one_of(f"matching.{self.name}.matching_split", self.matching_split, SPLITS)
        checks.boolean(f"matching.{self.name}.shuffled", self.shuffled)
        for key in sorted(self.unused()):
            value = getattr(self, key)
            if value != next(each.default for each in fields(self) if each.name == key):
                raise checks.InputError(f"`matching.{self.name}.{key}` must not be set, got {value}: {self.name} does not depend on it.")

    @classmethod
    def unused(cls) -> frozenset[str]:
        """Return the settings that every method has and this one does not depend on: those on examples, if it looks at none."""
        return frozenset() if cls.needs & DATA else frozenset({"matching_examples", "matching_split"})

    def settings(self) -> dict[str, Any]:
        return {key: value for key, value in super().settings().items() if key not in self.unused()}

    @abstractmethod
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the map of every group of B that aligns B with A."""


@dataclass(frozen=True, kw_only=True)
class SequentialMatching(Matching):
    """One pass from the first group to the last, each group's inputs aligned by those before it, a transport per group.

    In a chain the cost of a layer depends on the permutations of the layers below it only, so more passes, in any order, end in the same
    permutations. Where groups feed one another, as in a residual stream, or are factors of one axis, as attention heads, the first pass
    compares what can be compared (`neuron_weights.incoming`), and passes follow until none changes a permutation: a fixed point, at which
    each group is optimal given the others. There need not be one, as the groups have no cost in common: after some passes without a new
    least sum of costs, those of the least are taken, and the status is ``not_converged``. Neither depends on the order of B's neurons.
    Where several permutations of a group cost the same (to the resolution of
    `transport.ties`), as with dead or duplicate neurons, that one counts whose neurons have the nearest weights: incoming, with B's
    inputs in A's order, biases, and those that lead to the outputs; and of equal ones that which moves neurons the least.
    """

    # Whether Gaussian weights are Gaussian neurons in the metric of the cost: a claim of one class, which none inherits.
    keeps_gaussian: ClassVar[bool] = False
    ordered: ClassVar[bool] = True  # whether a layer's cost depends on the permutations of those that feed it
    transport: str = field(default="emd", metadata=ALWAYS)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "keeps_gaussian" not in vars(cls):
            cls.keeps_gaussian = False

    def code(self) -> dict[str, str]:
        """Return the digests of the code of a user's own, of the transport too."""
        return super().code() | transport.code(self.transport)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of(f"matching.{self.name}.transport", self.transport, transport.choices())

    @abstractmethod
    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        """Return the cost (n, n) of pairing A's neurons with B's, given the permutations of the layers below."""

    @abstractmethod
    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the matrix whose approximate dimension is reported, of A and of B (each in its own order of neurons).

        `centred` takes a mean away: that of the neurons from their weights, or those of activations from what is made of activations.
        """

    @abstractmethod
    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        """Return the variances of A's neurons along their principal directions, in the metric of the ground cost."""

    def solver(self) -> Transport:
        """Return the transport of a group's cost."""
        return transport.solver(self.transport)

    def partners(self, problem: MatchingProblem, group: str) -> set[str]:
        """Return the groups on whose permutations the cost of a group depends."""
        return partners(problem, group) if self.ordered else set()

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the permutations of one pass over the groups, or of several where groups depend on one another."""
        search = iterate(
            _Sweep(),
            lambda before: self._sweep(problem, before.permutations),
            _is_settled,
            MOST_SWEEPS,
            partial(self._total_cost, problem),
            PATIENCE,
        )
        status, sentence = _ending(search)
        end = search.state if search.is_done else search.least
        costs = end.costs if search.is_done else None  # costs of a sweep that still changed permutations are given older ones
        return MatchingResult(
            maps=permutation_maps(end.permutations),
            is_permutation=not end.rounded,
            layers=layer_report(self, problem, end.permutations, costs),
            status=status,
            sentence=sentence,
            objective=search.objective if search.steps > 1 else (),
        )

    def _sweep(self, problem: MatchingProblem, before: Permutations) -> "_Sweep":
        """Return the best permutation of every group in turn, given those of the groups before it and the earlier ones of the others."""
        solve = self.solver()
        permutations, costs, sentences = dict(before), {}, []
        is_early, rounded = False, []
        for layer, group in enumerate(problem.groups, start=1):
            is_early |= not self.partners(problem, group) <= permutations.keys()
            costs[group] = self.ground_cost(problem, group, permutations)
            check_finite(self, "ground_cost", layer, group, costs[group])
            result = solve(costs[group], self.tie_rule(problem, group, permutations))
            permutations[group], is_permutation = from_coupling(result.coupling)
            if not is_permutation:
                rounded.append(f"layer {layer}: {result.sentence}")
            if not result.converged:
                sentences.append(f"layer {layer}: {result.sentence}")
        return _Sweep(permutations, costs, is_early, tuple(sentences), tuple(rounded))

    def _total_cost(self, problem: MatchingProblem, sweep: "_Sweep") -> float:
        """Return the sum of the squared distances of all matched neurons, each as it was when its group was matched.

        A group that was matched early was compared by a part of its weights: its cost is taken at the end of the sweep.
        """
        costs: Mapping[str, np.ndarray] = sweep.costs
        if sweep.is_early:
            costs = {group: self.ground_cost(problem, group, sweep.permutations) for group in problem.groups}
        return sum(float(cost[np.arange(len(cost)), sweep.permutations[group]].sum()) for group, cost in costs.items())

    def tie_rule(self, problem: MatchingProblem, group: str, permutations: Permutations) -> TieRule:
        """Return what decides between permutations of equal cost: the weights, for a method that sees them."""
        if "weights" not in self.needs:
            return TieRule(size=np.mean)
        rows_a = neuron_rows(problem, problem.a.weights, group, {}, biases=True, outgoing=True, matched=permutations)
        rows_b = neuron_rows(problem, problem.b.weights, group, permutations, biases=True, outgoing=True, matched=permutations)
        return TieRule(criteria=(partial(squared_distances, rows_a, rows_b),), size=np.mean)


@dataclass(frozen=True)
class _Sweep:
    """One sweep over the groups; `is_early` says that the cost of a group depended on one that was not matched yet.

    `sentences` are of transports that did not converge, `rounded` of those whose coupling is not a permutation.
    """

    permutations: Mapping[str, np.ndarray] = field(default_factory=dict)
    costs: Mapping[str, np.ndarray] = field(default_factory=dict)
    is_early: bool = False
    sentences: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()


def _is_settled(before: _Sweep, after: _Sweep) -> bool:
    """Return whether a further sweep would change nothing: each group knew all that it depends on, or no permutation has changed."""
    is_first = not before.permutations
    same = (np.array_equal(before.permutations.get(group, ()), order) for group, order in after.permutations.items())
    return not after.is_early if is_first else all(same)


def _ending(search: Iteration[_Sweep]) -> tuple[str, str]:
    """Return the status and the sentence of a search."""
    if search.state.sentences:
        return NOT_CONVERGED, "; ".join(search.state.sentences)
    if not search.is_done:
        return NOT_CONVERGED, (
            f"no fixed point in {search.steps} sweeps over groups that depend on one another; the permutations are those of sweep "
            f"{search.best}, whose cost is the least"
        )
    if search.state.rounded:
        return LOCAL, f"couplings were rounded to permutations, which need not be optimal ({'; '.join(search.state.rounded)})"
    if search.steps == 1:
        return OPTIMAL, "optimal, layer by layer"
    return (
        FIXED_POINT,
        f"a fixed point after {search.steps} sweeps over groups that depend on one another: each is optimal given the others",
    )
