"""The matching problem and its result: what a method may look at, and what it returns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.permutations import PermutationSpec

NEEDS = ("weights", "moments", "cross_moments", "objective", "generator")
Permutations = Mapping[str, np.ndarray]
# The fields of a problem that a method sees only if its `needs` lists what stands behind them.
SHOWN = {
    "weights_a": "weights",
    "weights_b": "weights",
    "moments_a": "moments",
    "moments_b": "moments",
    "cross_moments": "cross_moments",
    "objective": "objective",
    "generator": "generator",
}


class NotShown(InputError, KeyError):
    """A method looked at a field of its problem that is not there, because its `needs` does not list it."""

    def __str__(self) -> str:
        return str(self.args[0])


class Unlisted(Mapping[str, Any]):
    """A field of a problem that a method does not list in its `needs`: empty, and a sentence for whoever looks something up in it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, key: str) -> Any:
        raise NotShown(f"`{self._name}` is empty: a method must list {SHOWN[self._name]!r} in its `needs` to see it.")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


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
    weights_a: Mapping[str, np.ndarray] = field(default_factory=partial(Unlisted, "weights_a"))
    weights_b: Mapping[str, np.ndarray] = field(default_factory=partial(Unlisted, "weights_b"))
    moments_a: Mapping[str, Moments] = field(default_factory=partial(Unlisted, "moments_a"))
    moments_b: Mapping[str, Moments] = field(default_factory=partial(Unlisted, "moments_b"))
    cross_moments: Mapping[str, np.ndarray] = field(default_factory=partial(Unlisted, "cross_moments"))
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
