"""What every matching method is: settings called on one frozen problem that return permutations and what they cost."""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

from lmc_sweeps import transport
from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import ALWAYS, code_of, left_out
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.neuron_weights import bias_column, incoming_rows, neuron_rows, outgoing_columns
from lmc_sweeps.matching.problem import NEEDS, LayerMatch, MatchingProblem, MatchingResult, Moments, Permutations
from lmc_sweeps.maths.cost_bounds import effective_dimension, expected_slope, rate_distortion_bound
from lmc_sweeps.maths.dimension import approximate_dimension
from lmc_sweeps.maths.ground_costs import squared_distances
from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.transport.ties import TieRule
from multirun_analysis.common.registry import folders_of_parts
from multirun_analysis.schema import safe_name

__all__ = [  # all that the file of a method needs, one's own too
    "NEEDS", "LayerMatch", "Matching", "MatchingProblem", "MatchingResult", "Moments", "Permutations", "SequentialMatching",
    "bias_column", "incoming_rows", "neuron_rows", "outgoing_columns",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Matching(ABC):
    """The settings of a matching method; `needs` says which parts of the problem it looks at."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]]

    @abstractmethod
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the permutation of every group of B that aligns B with A."""

    def settings(self) -> dict[str, Any]:
        """Return the fields that a user can set."""
        return asdict(self)

    def code(self) -> dict[str, str]:
        """Return the digests of the code of a user's own that decides what the method returns, under their keys; none of ours."""
        return code_of(type(self))

    def settings_hash(self) -> str:
        """Return 8 hexadecimal digits that identify the method with its settings, behind a letter where they look like a number.

        Settings at their defaults are left out, by the rule of `lmc_sweeps.common.identity`, and the code of a user's own is in it.
        """
        settings = self.settings()
        outside = left_out(self, settings)
        named = {name: settings[name] for name in settings if name not in outside} | self.code()
        words = json.dumps([self.name, named], sort_keys=True)
        return safe_name(hashlib.sha256(words.encode()).hexdigest()[:8])


@dataclass(frozen=True, kw_only=True)
class SequentialMatching(Matching):
    """One pass from the first layer to the last, each layer's inputs aligned by the layers below, an exact transport per layer.

    The cost of a layer depends on the permutations of the layers below it only, so more passes, in any order, end in the same
    permutations. Where several permutations of a layer cost the same (to the resolution of `transport.ties`), as with dead or duplicate
    neurons, that one counts whose neurons have the nearest weights: incoming, with B's inputs in A's order, biases, and those that lead to
    the outputs; and of equal ones that which moves neurons the least.
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
        own = super().code()
        if not folders_of_parts():  # as a rule, and hashes are taken often
            return own
        return own | {f"transport.{name}": digest for name, digest in code_of(transport.choices()[self.transport]).items()}

    def __post_init__(self) -> None:
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

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the permutations of one pass over the layers."""
        solve = transport.choices()[self.transport]()
        permutations: dict[str, np.ndarray] = {}
        layers, is_permutation, sentences = [], True, []
        for layer, group in enumerate(problem.spec.groups, start=1):
            if self.ordered:
                _check_order(problem, group, permutations)
            cost = self.ground_cost(problem, group, permutations)
            self._check_finite("ground_cost", layer, group, cost)
            result = solve(cost, self._ties(problem, group, permutations))
            permutations[group], is_exact = from_coupling(result.coupling)
            is_permutation &= is_exact
            if not result.converged:
                sentences.append(f"layer {layer}: {result.sentence}")
            layers.append(self._layer_match(problem, layer, group, cost, permutations[group]))
        return MatchingResult(
            permutations=permutations,
            is_permutation=is_permutation,
            layers=tuple(layers),
            objective=(),
            converged=not sentences,
            sentence="; ".join(sentences) or "optimal, layer by layer",
        )

    def _check_finite(self, method: str, layer: int, group: str, values: np.ndarray) -> None:
        """Raise `InputError` if what a method of this class returns has entries that are not finite, which no solver takes."""
        if not_finite := int((~np.isfinite(values)).sum()):
            raise checks.InputError(
                f"matching={self.name}: `{method}` must return finite numbers, got {not_finite:,} of {np.size(values):,} entries that are "
                f"not, in layer {layer} ({group!r})."
            )

    def _layer_match(self, problem: MatchingProblem, layer: int, group: str, cost: np.ndarray, permutation: np.ndarray) -> LayerMatch:
        """Return what the matching of one layer costs, beside the dimensions of its neurons and what theory says of the cost."""
        dimension_a, dimension_b = map(approximate_dimension, self.dimension_matrices(problem, group, centred=False))
        centred_a, centred_b = map(approximate_dimension, self.dimension_matrices(problem, group, centred=True))
        spectrum = self.spectrum(problem, group)
        self._check_finite("spectrum", layer, group, spectrum)
        return LayerMatch(
            layer=layer,
            layer_name=group,
            matching_cost=float(cost[np.arange(len(cost)), permutation].mean()),
            identity_cost=float(np.diag(cost).mean()),
            approximate_dimension=dimension_a,
            approximate_dimension_b=dimension_b,
            approximate_dimension_centred=centred_a,
            approximate_dimension_centred_b=centred_b,
            **_theory(spectrum, len(cost), self.keeps_gaussian),
        )

    def _ties(self, problem: MatchingProblem, group: str, permutations: Permutations) -> TieRule:
        """Return what decides between permutations of equal cost: the weights, for a method that sees them."""
        if "weights" not in self.needs:
            return TieRule(size=np.mean)
        # Where groups feed one another, as in a residual stream, what comes from those not matched yet has no order to be compared in.
        sources = {source for source in problem.sources[group] if source not in problem.sizes or source in permutations}
        rows_a = neuron_rows(problem, problem.weights_a, group, {}, biases=True, outgoing=True, sources=sources)
        rows_b = neuron_rows(problem, problem.weights_b, group, permutations, biases=True, outgoing=True, sources=sources)
        return TieRule(criteria=(partial(squared_distances, rows_a, rows_b),), size=np.mean)


def _check_order(problem: MatchingProblem, group: str, permutations: Permutations) -> None:
    """Raise `InputError` if a group is fed by one that is not matched yet."""
    unmatched = [source for source in problem.sources[group] if source in problem.sizes and source not in permutations]
    if unmatched:
        raise checks.InputError(f"group {group!r} is fed by {unmatched[0]!r}, which is computed after it: one pass cannot match it.")


def _theory(spectrum: np.ndarray, width: int, is_gaussian: bool) -> dict[str, float]:
    """Return what theory says of the matching cost of a layer; NaN where its neurons are all the same, or it says nothing."""
    if not spectrum.any():
        return dict.fromkeys(("effective_dimension", "cost_lower_bound", "expected_slope"), float("nan"))
    dimension = effective_dimension(spectrum, width)
    bound = rate_distortion_bound(spectrum, width) if is_gaussian else float("nan")
    return {"effective_dimension": dimension, "cost_lower_bound": bound, "expected_slope": expected_slope(dimension)}
