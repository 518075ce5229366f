"""The symmetry graph of a network: which axes of which of its tensors are relabelled together."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.symmetry.axes import Axis, Factor
from lmc_sweeps.symmetry.maps import Map, as_map
from lmc_sweeps.symmetry.table import table


@dataclass(frozen=True)
class Limit:
    """An operation that no rule knows, or whose rule does not divide what comes to it, and the tensors whose axes it fixed."""

    operation: str
    tensors: tuple[str, ...]


@dataclass(frozen=True)
class Occurrence:
    """Where a group stands: an axis of a tensor, a segment of this axis, and a factor of the segment."""

    tensor: str
    axis: int
    segment: int
    factor: int
    reads: bool


@dataclass(frozen=True)
class Graph:
    """The groups of neurons of a network and where they stand.

    Parameters
    ----------
    axes : mapping of str to tuple of Axis
        By parameter and buffer, one for each of its axes.
    sizes : mapping of str to int
        Neurons by group, groups in the order in which they are computed.
    limits : tuple of Limit
        What was left fixed because an operation is unknown.
    tied : mapping of str to str
        Names of tensors that are other tensors of the graph.
    buffers : frozenset of str
        The tensors that are statistics or constants, not parameters.
    """

    axes: Mapping[str, tuple[Axis, ...]]
    sizes: Mapping[str, int]
    limits: tuple[Limit, ...] = ()
    tied: Mapping[str, str] = field(default_factory=dict)
    buffers: frozenset[str] = frozenset()

    @classmethod
    def by_hand(
        cls,
        axes: Mapping[str, tuple[str | None, ...]],
        tensors: Mapping[str, Tensor | np.ndarray],
        buffers: Collection[str] = (),
    ) -> "Graph":
        """Return the graph that a permutation specification says of tensors: one group, or none, for each axis.

        Of tensors of two axes and more the first has the outputs and the second the inputs, as in `torch.nn.Linear`.

        Parameters
        ----------
        axes : mapping of str to tuple of str or None
        tensors : mapping of str to Tensor or ndarray
            Whose shapes are looked at.
        buffers : collection of str

        Raises
        ------
        InputError
            If a tensor is missing, has another number of axes, or gives a group a second size.
        """
        sizes = PermutationSpec(axes).sizes(tensors)
        order = dict.fromkeys([*PermutationSpec(axes).groups, *sizes])
        plain = {
            name: tuple(Axis(((Factor(tensors[name].shape[k], group),),), reads=k == 1) for k, group in enumerate(entry))
            for name, entry in axes.items()
        }
        return cls(plain, {group: sizes[group] for group in order}, buffers=frozenset(buffers))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, in the order in which their neurons are computed."""
        return tuple(self.sizes)

    def occurrences(self, group: str) -> tuple[Occurrence, ...]:
        """Return every place of a group: a stream has many, a layer that maps a group to itself two on one tensor."""
        return tuple(
            Occurrence(name, k, s, j, axis.reads)
            for name, axes in self.axes.items()
            for k, axis in enumerate(axes)
            for s, segment in enumerate(axis.segments)
            for j, factor in enumerate(segment)
            if factor.group == group
        )

    def without(self, groups: Collection[str]) -> "Graph":
        """Return the graph in which some groups are left in their order."""
        axes = {name: tuple(axis.without(groups) for axis in axes) for name, axes in self.axes.items()}
        return replace(self, axes=axes, sizes={group: size for group, size in self.sizes.items() if group not in groups})

    def holders(self, group: str) -> tuple[tuple[str, int], ...]:
        """Return the tensors that have a group, and on which of their axes."""
        return tuple((name, k) for name, axes in self.axes.items() for k, axis in enumerate(axes) if group in axis.groups)

    def apply(self, tensors: Mapping[str, Tensor], maps: Mapping[str, Map | np.ndarray]) -> dict[str, Tensor]:
        r"""Return the tensors of B in A's order.

        .. math:: W \leftarrow R_l\, W\, C_{l-1}^\top, \qquad b \leftarrow R_l\, b

        with the two sides of each group's map (`Map`), on every axis that the group has; a factor's places move within the places of the
        factors around it.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            Parameters and buffers; those that the graph does not know stay as they are.
        maps : mapping of str to Map, or to ndarray of int
            By group, arrays as the orders of permutations; groups without one stay.

        Raises
        ------
        InputError
            If a map is not of its group's size, or a tensor not of the shape that the graph knows.
        """
        sides = {group: as_map(group, mapping) for group, mapping in maps.items()}
        for group, mapping in sides.items():
            if group not in self.sizes or mapping.n_b != self.sizes[group]:
                raise InputError(f"group {group!r} must be one of {dict(self.sizes)}, got a map of {mapping.n_b} neurons.")
        return {name: self._moved(name, tensor, sides) for name, tensor in tensors.items()}

    def _moved(self, name: str, tensor: Tensor, maps: Mapping[str, Map]) -> Tensor:
        axes = self.axes.get(self.tied.get(name, name), ())
        if axes and tuple(axis.size for axis in axes) != tuple(tensor.shape):
            raise InputError(f"{name!r} must have the shape {tuple(axis.size for axis in axes)}, got {tuple(tensor.shape)}.")
        for k, axis in enumerate(axes):
            if any(group in maps for group in axis.groups):
                tensor = mapped(tensor, k, axis, maps)
        return tensor

    def __str__(self) -> str:
        return table(self.axes, self.sizes, self.tied, {limit.operation: limit.tensors for limit in self.limits})


def mapped(tensor: Tensor, k: int, axis: Axis, maps: Mapping[str, Map]) -> Tensor:
    """Return a tensor with the factors of one of its axes mapped, and the other axes as they are."""
    if len(axis.segments) == len(axis.segments[0]) == 1:  # nothing to take apart
        return maps[axis.segments[0][0].group or ""].apply(tensor, k, reads=axis.reads)
    parts = []
    for segment, part in zip(axis.segments, tensor.split([prod(f.size for f in s) for s in axis.segments], k), strict=True):
        shape = part.shape
        part = part.reshape((*shape[:k], *(factor.size for factor in segment), *shape[k + 1 :]))
        for j, factor in enumerate(segment):
            if (mapping := maps.get(factor.group or "")) is not None:
                part = mapping.apply(part, k + j, reads=axis.reads)
        parts.append(part.reshape((*shape[:k], -1, *shape[k + 1 :])))
    return torch.cat(parts, k)
