"""What matching says of every group: costs, dimensions, and what theory says of the cost; for the maps of any method."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.matching.problem import LayerMatch, MatchingProblem, Permutations
from lmc_sweeps.maths.cost_bounds import effective_dimension, expected_slope, rate_distortion_bound
from lmc_sweeps.maths.dimension import approximate_dimension


class Metric(Protocol):
    """How a method compares the neurons of a group."""

    name: ClassVar[str]
    keeps_gaussian: ClassVar[bool]  # whether Gaussian weights are Gaussian neurons in it

    def ground_cost(self, problem: MatchingProblem, group: str, permutations: Permutations) -> np.ndarray:
        """Return the cost (n, n) of pairing A's neurons with B's, given the permutations of other groups."""

    def dimension_matrices(self, problem: MatchingProblem, group: str, centred: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the matrix whose approximate dimension is reported, of A and of B."""

    def spectrum(self, problem: MatchingProblem, group: str) -> np.ndarray:
        """Return the variances of A's neurons along their principal directions, in the metric of the ground cost."""


def layer_report(
    metric: Metric, problem: MatchingProblem, permutations: Permutations, costs: Mapping[str, np.ndarray] | None = None
) -> tuple[LayerMatch, ...]:
    """Return what the permutations of every group cost in a metric, beside the dimensions of its neurons and what theory says of the cost.

    Parameters
    ----------
    metric : Metric
    problem : MatchingProblem
    permutations : mapping of str to ndarray of int
        Of all groups.
    costs : mapping of str to ndarray, optional
        Ground costs given these permutations, where they were computed already.

    Returns
    -------
    tuple of LayerMatch
        In the order of the problem's groups.

    Raises
    ------
    InputError
        If a spectrum is not finite.
    """
    layers = []
    for layer, group in enumerate(problem.groups, start=1):
        cost = costs[group] if costs is not None else metric.ground_cost(problem, group, permutations)
        layers.append(_layer_match(metric, problem, layer, group, cost, permutations[group]))
    return tuple(layers)


def check_finite(metric: Metric, method: str, layer: int, group: str, values: np.ndarray) -> None:
    """Raise `InputError` if what a method returns has entries that are not finite, which no solver takes."""
    if not_finite := int((~np.isfinite(values)).sum()):
        raise checks.InputError(
            f"matching={metric.name}: `{method}` must return finite numbers, got {not_finite:,} of {np.size(values):,} entries that are "
            f"not, in layer {layer} ({group!r})."
        )


def _layer_match(metric: Metric, problem: MatchingProblem, layer: int, group: str, cost: np.ndarray, permutation: np.ndarray) -> LayerMatch:
    dimension_a, dimension_b = map(approximate_dimension, metric.dimension_matrices(problem, group, centred=False))
    centred_a, centred_b = map(approximate_dimension, metric.dimension_matrices(problem, group, centred=True))
    spectrum = metric.spectrum(problem, group)
    check_finite(metric, "spectrum", layer, group, spectrum)
    return LayerMatch(
        layer=layer,
        layer_name=group,
        matching_cost=float(cost[np.arange(len(cost)), permutation].mean()),
        identity_cost=float(np.diag(cost).mean()),
        approximate_dimension=dimension_a,
        approximate_dimension_b=dimension_b,
        approximate_dimension_centred=centred_a,
        approximate_dimension_centred_b=centred_b,
        **_theory(spectrum, len(cost), metric.keeps_gaussian),
    )


def _theory(spectrum: np.ndarray, width: int, is_gaussian: bool) -> dict[str, float]:
    """Return what theory says of the matching cost of a layer; NaN where its neurons are all the same, or it says nothing."""
    if not spectrum.any():
        return dict.fromkeys(("effective_dimension", "cost_lower_bound", "expected_slope"), float("nan"))
    dimension = effective_dimension(spectrum, width)
    bound = rate_distortion_bound(spectrum, width) if is_gaussian else float("nan")
    return {"effective_dimension": dimension, "cost_lower_bound": bound, "expected_slope": expected_slope(dimension)}
