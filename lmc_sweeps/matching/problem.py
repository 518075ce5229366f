"""The matching problem and its result: what a method may look at, and what it returns."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.linear_form import LinearGroup
from lmc_sweeps.symmetry.maps import Map, Permutation, permutations_of
from lmc_sweeps.symmetry.sites import Site

NEEDS = ("weights", "moments", "cross_moments", "loss", "generator")
Permutations = Mapping[str, np.ndarray]
Maps = Mapping[str, Map]


class NotShown(InputError, KeyError):
    """A method looked at a part of its problem that is not there, because its `needs` does not list it."""

    def __str__(self) -> str:
        return str(self.args[0])


class Unlisted(Mapping[Any, Any]):
    """A part of a problem that a method does not list in its `needs`: empty, and a sentence for whoever looks something up in it."""

    def __init__(self, need: str) -> None:
        self._need = need

    def __getitem__(self, key: Any) -> Any:
        raise NotShown(f"`{self._need}` is empty: a method must list {self._need!r} in its `needs` to see it.")

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


@dataclass(frozen=True)
class Moments:
    """First and second moments of a site's activations over the training set, uncentred, float64."""

    mean: np.ndarray  # (n,)
    second: np.ndarray  # (n, n)

    @property
    def covariance(self) -> np.ndarray:
        """The centred second moments."""
        return self.second - np.outer(self.mean, self.mean)


class Loss(Protocol):
    """The training loss of one network as a function of its weights, on the whole training set or on some of its examples."""

    @property
    def n_examples(self) -> int:
        """The number of examples in the training set."""

    @property
    def dtype(self) -> torch.dtype:
        """The type in which losses are computed: the widest of the network's tensors."""

    def on(self, examples: np.ndarray | None) -> "Loss":
        """Return the loss on the examples of these numbers alone, which are copied once; with None this loss."""

    def loss(self, weights: Mapping[str, Any], examples: np.ndarray | None = None) -> float:
        """Return the mean loss of a network on the examples of these numbers, on all without them."""

    def value_and_gradient(self, weights: Mapping[str, Any], examples: np.ndarray | None = None) -> tuple[float, dict[str, np.ndarray]]:
        """Return the mean loss and its gradient by tensor, in float64."""


@dataclass(frozen=True, kw_only=True)
class NetworkView:
    """What a method sees of one network: its tensors in float64, by name, and moments of its activations by site."""

    weights: Mapping[str, np.ndarray] = field(default_factory=partial(Unlisted, "weights"))
    moments: Mapping[str, Moments] = field(default_factory=partial(Unlisted, "moments"))

    def moments_at(self, site: str) -> Moments | None:
        """Return the moments at a site; None where no product of matrices shows what is read there."""
        return self.moments[site] if isinstance(self.moments, Unlisted) else self.moments.get(site)


@dataclass(frozen=True, kw_only=True)
class MatchingProblem:
    """Everything that a method may look at, and nothing more: what it does not need is empty or None.

    Parameters
    ----------
    graph : Graph
        The groups of neurons, and where each stands.
    views : tuple of NetworkView
        Of K networks, K >= 2; all are mapped to the first. `a` and `b` are the first two.
    reads : mapping of str to tuple of str
        By tensor with inputs, for each segment of that axis: the key of the moments of what it reads.
    sites : mapping of str to tuple of Site
        By group: where its neurons can be compared by their activations.
    cross_moments : mapping of (int, int) to mapping of str to ndarray
        By two networks i < j: uncentred second moments between their activations, by site.
    loss : Loss, optional
    generator : numpy.random.Generator, optional
    linear : mapping of str to LinearGroup
        The groups that orthogonal maps may rotate, for methods that fold (`Matching.folds`), which see networks in linear form.
    """

    graph: Graph
    views: tuple[NetworkView, ...]
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sites: Mapping[str, tuple[Site, ...]] = field(default_factory=dict)
    cross_moments: Mapping[tuple[int, int], Mapping[str, np.ndarray]] = field(default_factory=partial(Unlisted, "cross_moments"))
    loss: Loss | None = None
    generator: np.random.Generator | None = None
    linear: Mapping[str, LinearGroup] = field(default_factory=dict)

    @property
    def sizes(self) -> Mapping[str, int]:
        """The number of neurons by group, groups in the order in which they are computed."""
        return self.graph.sizes

    @property
    def groups(self) -> tuple[str, ...]:
        return self.graph.groups

    @property
    def a(self) -> NetworkView:
        return self.views[0]

    @property
    def b(self) -> NetworkView:
        return self.views[1]

    def shown_to(self, needs: Collection[str], generator: np.random.Generator | None = None) -> "MatchingProblem":
        """Return the problem with what a method needs of it, and nothing else."""
        views = tuple(NetworkView(**{need: getattr(view, need) for need in ("weights", "moments") if need in needs}) for view in self.views)
        cross: Mapping[Any, Any] = self.cross_moments if "cross_moments" in needs else Unlisted("cross_moments")
        loss = self.loss if "loss" in needs else None
        return replace(self, views=views, cross_moments=cross, loss=loss, generator=generator if "generator" in needs else None)


@dataclass(frozen=True, kw_only=True)
class LayerMatch:
    """What matching says of one group, under its column names in ``layers.csv``."""

    layer: int
    layer_name: str
    matching_cost: float
    identity_cost: float
    approximate_dimension: float
    approximate_dimension_b: float
    approximate_dimension_centred: float
    approximate_dimension_centred_b: float
    effective_dimension: float = math.nan
    cost_lower_bound: float = math.nan
    expected_slope: float = math.nan


OPTIMAL, FIXED_POINT, LOCAL, NOT_MATCHED, NOT_CONVERGED = "optimal", "fixed_point", "local", "not_matched", "not_converged"


@dataclass(frozen=True, kw_only=True)
class MatchingResult:
    """The maps of B by group, and how the solver ended.

    Parameters
    ----------
    maps : mapping of str to Map
        From B's neurons to A's.
    is_permutation : bool
        False where a coupling was rounded to a permutation. Couplings that are returned as they are were not.
    layers : tuple of LayerMatch
    status : str
        ``optimal``; ``fixed_point``, where no group's map changes once more, each being the best given the others; ``local``, the best of a
        search; ``not_matched``; ``not_converged``.
    sentence : str
        How it ended, in words.
    objective : tuple of float
        What an iterative method improves, by iteration.
    statistics : mapping of str to float or sequence of float
        What else a method has to report.
    """

    maps: Mapping[str, Map]
    is_permutation: bool
    layers: tuple[LayerMatch, ...]
    status: str
    sentence: str
    objective: tuple[float, ...] = ()
    statistics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def converged(self) -> bool:
        return self.status != NOT_CONVERGED

    @property
    def permutations(self) -> dict[str, np.ndarray]:
        """The orders of B's neurons, by group, of those maps that are permutations."""
        return permutations_of(self.maps)


def permutation_maps(orders: Permutations) -> dict[str, Permutation]:
    """Return the maps of orders of neurons."""
    return {group: Permutation(order) for group, order in orders.items()}
