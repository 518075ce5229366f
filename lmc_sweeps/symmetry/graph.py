"""The symmetry graph of a network: which axes of which of its tensors are relabelled together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.axes import Axis
from lmc_sweeps.symmetry.maps import Map
from lmc_sweeps.symmetry.table import table


@dataclass(frozen=True)
class Limit:
    """An operation that no rule knows, or whose rule does not divide what comes to it, and the tensors whose axes it fixed."""

    operation: str
    tensors: tuple[str, ...]


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
    """

    axes: Mapping[str, tuple[Axis, ...]]
    sizes: Mapping[str, int]
    limits: tuple[Limit, ...] = ()
    tied: Mapping[str, str] = field(default_factory=dict)

    def holders(self, group: str) -> tuple[tuple[str, int], ...]:
        """Return the tensors that have a group, and on which of their axes."""
        return tuple((name, k) for name, axes in self.axes.items() for k, axis in enumerate(axes) if group in axis.groups)

    def apply(self, tensors: Mapping[str, Tensor], maps: Mapping[str, Map]) -> dict[str, Tensor]:
        r"""Return the tensors of B in A's order.

        .. math:: W \leftarrow R_l\, W\, C_{l-1}^\top, \qquad b \leftarrow R_l\, b

        with the two sides of each group's map (`Map`), on every axis that the group has; a factor's places move within the places of the
        factors around it.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            Parameters and buffers; those that the graph does not know stay as they are.
        maps : mapping of str to Map
            By group; groups without one stay.

        Raises
        ------
        InputError
            If a map is not of its group's size, or a tensor not of the shape that the graph knows.
        """
        for group, mapping in maps.items():
            if group not in self.sizes or mapping.n_b != self.sizes[group]:
                raise InputError(f"group {group!r} must be one of {dict(self.sizes)}, got a map of {mapping.n_b} neurons.")
        return {name: self._moved(name, tensor, maps) for name, tensor in tensors.items()}

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
    parts = []
    for segment, part in zip(axis.segments, tensor.split([prod(f.size for f in s) for s in axis.segments], k), strict=True):
        shape = part.shape
        part = part.reshape((*shape[:k], *(factor.size for factor in segment), *shape[k + 1 :]))
        for j, factor in enumerate(segment):
            if (mapping := maps.get(factor.group or "")) is not None:
                part = mapping.apply(part, k + j, reads=axis.reads)
        parts.append(part.reshape((*shape[:k], -1, *shape[k + 1 :])))
    return torch.cat(parts, k)
