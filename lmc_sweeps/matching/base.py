"""What every matching method is: settings called on one frozen problem that return permutations and what they cost."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import Any, ClassVar

import numpy as np

from lmc_sweeps import transport
from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.maths import theory
from lmc_sweeps.maths.dimension import approximate_dimension
from lmc_sweeps.maths.ground_costs import squared_distances
from lmc_sweeps.maths.permutations import PermutationSpec, from_coupling
from lmc_sweeps.transport.ties import TieRule
from multirun_analysis.schema import safe_name

LATER = "later"  # in the metadata of a field: records of earlier versions do not have it
NEEDS = ("weights", "moments", "cross_moments", "objective", "generator")
Permutations = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Moments:
    """First and second moments of a layer's activations over the training set, uncentred, float64."""

    mean: np.ndarray  # (n,)
    second: np.ndarray  # (n, n)

    @property
    def covariance(self) -> np.ndarray:
        """The centred second moments."""
        return self.second - np.outer(self.mean, self.mean)


@dataclass(frozen=True, kw_only=True)
class MatchingProblem:
    """Everything that a method may look at, and nothing more: what it does not need is empty or None.

    `weights_a` and `weights_b` map parameters to float64 arrays; `moments_a` and `moments_b` map groups, and ``"input"``, to moments;
    `cross_moments` maps groups to uncentred second moments between A's and B's activations; `objective` maps permutations to a loss.
    `sources` says for each group what feeds it.
    """

    spec: PermutationSpec
    sizes: Mapping[str, int]
    sources: Mapping[str, tuple[str, ...]]
    weights_a: Mapping[str, np.ndarray] = field(default_factory=dict)
    weights_b: Mapping[str, np.ndarray] = field(default_factory=dict)
    moments_a: Mapping[str, Moments] = field(default_factory=dict)
    moments_b: Mapping[str, Moments] = field(default_factory=dict)
    cross_moments: Mapping[str, np.ndarray] = field(default_factory=dict)
    objective: Callable[[Permutations], float] | None = None
    generator: np.random.Generator | None = None


@dataclass(frozen=True, kw_only=True)
class LayerMatch:
    """What matching says of one layer, under its column names in ``layers.csv``."""

    layer: int
    layer_name: str
    matching_cost: float
    identity_cost: float
    approximate_dimension: float
    approximate_dimension_b: float
    approximate_dimension_centred: float
    approximate_dimension_centred_b: float
    effective_dimension: float
    cost_lower_bound: float
    expected_slope: float


@dataclass(frozen=True, kw_only=True)
class MatchingResult:
    """Permutations by group, whether the couplings were permutations, costs by layer, and how the solver ended."""

    permutations: dict[str, np.ndarray]
    is_permutation: bool
    layers: tuple[LayerMatch, ...]
    objective: tuple[float, ...]
    converged: bool
    sentence: str


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

    def settings_hash(self) -> str:
        """Return 8 hexadecimal digits that identify the method with its settings, behind a letter where they look like a number.

        A field that a method has grown since (`LATER` in its metadata) is left out at its default, which changes nothing.
        """
        settings = self.settings()
        for grown in fields(self):
            if grown.metadata.get(LATER) and settings[grown.name] == grown.default:
                del settings[grown.name]
        words = json.dumps([self.name, settings], sort_keys=True)
        return safe_name(hashlib.sha256(words.encode()).hexdigest()[:8])


@dataclass(frozen=True, kw_only=True)
class SequentialMatching(Matching):
    """One pass from the first layer to the last, each layer's inputs aligned by the layers below, an exact transport per layer.

    The cost of a layer depends on the permutations of the layers below it only, so more passes, in any order, end in the same
    permutations. Where several permutations of a layer cost the same (to the resolution of `transport.ties`), as with dead or duplicate
    neurons, that one counts whose neurons have the nearest weights: incoming, with B's inputs in A's order, biases, and those that lead to
    the outputs; and of equal ones that which moves neurons the least.
    """

    keeps_gaussian: ClassVar[bool] = True  # whether Gaussian weights are Gaussian neurons in the metric of the cost
    transport: str = "emd"

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
        layers, exact, sentences = [], True, []
        for layer, group in enumerate(problem.spec.groups, start=1):
            unmatched = [s for s in problem.sources[group] if s in problem.sizes and s not in permutations]
            if unmatched:
                raise checks.InputError(
                    f"group {group!r} is fed by {unmatched[0]!r}, which is computed after it: one pass cannot match it."
                )
            cost = self.ground_cost(problem, group, permutations)
            result = solve(cost, self._ties(problem, group, permutations))
            permutation, is_exact = from_coupling(result.coupling)
            permutations[group] = permutation
            exact &= is_exact
            if not result.converged:
                sentences.append(f"layer {layer}: {result.sentence}")
            dimension_a, dimension_b = map(approximate_dimension, self.dimension_matrices(problem, group, centred=False))
            centred_a, centred_b = map(approximate_dimension, self.dimension_matrices(problem, group, centred=True))
            expected = _expected(self.spectrum(problem, group), len(cost), self.keeps_gaussian)
            layers.append(
                LayerMatch(
                    layer=layer,
                    layer_name=group,
                    matching_cost=float(cost[np.arange(len(cost)), permutation].mean()),
                    identity_cost=float(np.diag(cost).mean()),
                    approximate_dimension=dimension_a,
                    approximate_dimension_b=dimension_b,
                    approximate_dimension_centred=centred_a,
                    approximate_dimension_centred_b=centred_b,
                    **expected,
                )
            )
        return MatchingResult(
            permutations=permutations,
            is_permutation=exact,
            layers=tuple(layers),
            objective=(),
            converged=not sentences,
            sentence="; ".join(sentences) or "optimal, layer by layer",
        )

    def _ties(self, problem: MatchingProblem, group: str, permutations: Permutations) -> TieRule:
        """Return what decides between permutations of equal cost: the weights, for a method that sees them."""
        if "weights" not in self.needs:
            return TieRule(size=np.mean)
        rows_a = neuron_rows(problem, problem.weights_a, group, {}, biases=True, outgoing=True)
        rows_b = neuron_rows(problem, problem.weights_b, group, permutations, biases=True, outgoing=True)
        return TieRule(criteria=(partial(squared_distances, rows_a, rows_b),), size=np.mean)


def _expected(spectrum: np.ndarray, width: int, is_gaussian: bool) -> dict[str, float]:
    """Return what theory says of the matching cost of a layer; NaN where its neurons are all the same, or it says nothing."""
    if not spectrum.any():
        return dict.fromkeys(("effective_dimension", "cost_lower_bound", "expected_slope"), float("nan"))
    dimension = theory.effective_dimension(spectrum, width)
    bound = theory.rate_distortion_bound(spectrum, width) if is_gaussian else float("nan")
    return {"effective_dimension": dimension, "cost_lower_bound": bound, "expected_slope": theory.expected_slope(dimension)}


def incoming_rows(
    problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str, permutations: Permutations
) -> list[tuple[str, np.ndarray]]:
    """Return the incoming weights of a group: for each parameter, what feeds it and an array (kernel positions, n, d).

    Input axes are reordered by `permutations`: pass B's with those of the layers below, A's with none.
    """
    found = []
    for name, source in zip(problem.spec.incoming(group), problem.sources[group], strict=True):
        weight = weights[name]
        if source in permutations:
            weight = weight[:, permutations[source]]
        n, d = weight.shape[:2]
        found.append((source, np.moveaxis(weight.reshape(n, d, -1), 2, 0)))  # (n, d, kernel) -> (kernel, n, d)
    return found


def bias_column(problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str) -> np.ndarray:
    """Return the biases of a group (every one-axis parameter that it owns) as columns, shape (n, number of them)."""
    owned = [weights[p] for p in problem.spec.incoming(group, biases=True) if weights[p].ndim == 1]
    return np.stack(owned, axis=1) if owned else np.zeros((problem.sizes[group], 0))


def outgoing_columns(problem: MatchingProblem, weights: Mapping[str, np.ndarray], group: str) -> list[np.ndarray]:
    """Return the weights that lead from a group to what nobody permutes, the outputs: one array (n, weights per neuron) per parameter."""
    leading = [p for p, axes in problem.spec.axes.items() if len(axes) > 1 and axes[1] == group and axes[0] is None]
    return [np.moveaxis(weights[p], 1, 0).reshape(problem.sizes[group], -1) for p in leading]


def neuron_rows(
    problem: MatchingProblem,
    weights: Mapping[str, np.ndarray],
    group: str,
    permutations: Permutations,
    biases: bool = False,
    outgoing: bool = False,
) -> np.ndarray:
    """Return the weights of every neuron of a group as a row, (n, d): incoming ones, and if asked for biases and those to the outputs."""
    parts = [position for _, kernel in incoming_rows(problem, weights, group, permutations) for position in kernel]
    if biases:
        parts.append(bias_column(problem, weights, group))
    if outgoing:
        parts += outgoing_columns(problem, weights, group)
    return np.concatenate(parts, axis=1)
