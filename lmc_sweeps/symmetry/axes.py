"""An axis of a tensor as a symmetry graph knows it: a concatenation of products of factors, in the order of groups or fixed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np


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


def index(axis: Axis, permutations: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the order in which permutations of its groups put the places of an axis."""
    orders, offset = [], 0
    for segment in axis.segments:
        sizes = [factor.size for factor in segment]
        places = [permutations.get(factor.group or "", np.arange(factor.size)) for factor in segment]
        order = np.ravel_multi_index(np.ix_(*places), sizes).ravel() if segment else np.zeros(1, dtype=np.int64)
        orders.append(order + offset)
        offset += prod(sizes)
    return np.concatenate(orders)
