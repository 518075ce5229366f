"""An axis of a tensor as a symmetry graph knows it: a concatenation of products of factors, in the order of groups or fixed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

INPUT = "input"  # the key of the network's own input, beside the groups, among activations and moments


@dataclass(frozen=True)
class Factor:
    """Places of an axis in the order of a group; `group` is None where they stay where they are."""

    size: int
    group: str | None = None


Segment = tuple[Factor, ...]


@dataclass(frozen=True)
class Axis:
    """An axis of a tensor: a concatenation of segments, each a product of factors, outer ones first.

    `reads` says that it has the inputs of what the tensor computes, as the second axis of a linear layer does; `across` names the groups
    for each of whose neurons it does so once more, as a layer that mixes patches does for each channel.
    """

    segments: tuple[Segment, ...]
    reads: bool = False
    across: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return sum(prod(factor.size for factor in segment) for segment in self.segments)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups on this axis, in their order, each once."""
        return tuple(dict.fromkeys(factor.group for segment in self.segments for factor in segment if factor.group is not None))

    def order(self, orders: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Return the order of the axis's places that orders of groups make; None where none of its groups moves."""
        if not any(group in orders for group in self.groups):
            return None
        parts, start = [], 0
        for segment in self.segments:
            places = np.arange(start, start + prod(factor.size for factor in segment)).reshape([factor.size for factor in segment])
            start += places.size
            for k, factor in enumerate(segment):
                if factor.group is not None and factor.group in orders:
                    places = places.take(orders[factor.group], axis=k)
            parts.append(places.ravel())
        return np.concatenate(parts)

    def without(self, groups: Collection[str]) -> "Axis":
        """Return the axis with some groups left in their order."""
        segments = tuple(tuple(Factor(f.size) if f.group in groups else f for f in segment) for segment in self.segments)
        return replace(self, segments=segments, across=tuple(group for group in self.across if group not in groups))
