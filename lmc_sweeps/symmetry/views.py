"""A symmetry graph as matching methods take it: every tensor with its rows' group first, then the group that it reads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from lmc_sweeps.maths.permutations import PermutationSpec, inverse
from lmc_sweeps.symmetry.axes import Axis
from lmc_sweeps.symmetry.graph import Graph


@dataclass(frozen=True)
class View:
    """A tensor with its axes split into factors, and these in another order.

    Parameters
    ----------
    own : tuple of int
        The shape that the network's code gives it.
    split : tuple of int
        The sizes of its factors.
    order : tuple of int
        The factor at each place of the view.
    read : tuple of int
        The axis of its own that is summed over, and the first and the last but one of its factors; and which of these counts neurons.
    """

    own: tuple[int, ...]
    split: tuple[int, ...]
    order: tuple[int, ...]
    read: tuple[int, int, int, int] = (1, 1, 2, 1)

    def view(self, tensor: Tensor) -> Tensor:
        """Return the view of a tensor."""
        return tensor.reshape(self.split).permute(self.order)

    def back(self, tensor: Tensor) -> Tensor:
        """Return the tensor of a view."""
        return tensor.permute(tuple(int(k) for k in inverse(np.array(self.order)))).reshape(self.own)

    def neurons(self, rows: Tensor) -> Tensor:
        """Return what the tensor reads, (examples, places of an axis), as (examples and positions, neurons)."""
        _, first, last, neurons = self.read
        return rows.reshape(-1, *self.split[first:last]).movedim(1 + neurons - first, -1).reshape(-1, self.split[neurons])


def own_tensors(tensors: Mapping[str, Tensor], views: Mapping[str, View]) -> dict[str, Tensor]:
    """Return tensors as the network's code takes them: those of views, and those without a view as they are."""
    return {name: views[name].back(tensor) if name in views else tensor for name, tensor in tensors.items()}


@dataclass(frozen=True)
class Factored:
    """The specification of a network's views, the views by tensor, and the groups of its graph that no view can show."""

    spec: PermutationSpec
    views: Mapping[str, View]
    left: tuple[str, ...]


def factored(graph: Graph, constants: Collection[str] = ()) -> Factored:
    """Return views of all tensors in which each group has an axis of its own, and is a tensor's first or second axis.

    Groups for which there are none are left in their order, which keeps the function as every relabeling of the others does: factors of one
    axis with each other (heads and what is inside them; the channels of a group norm), pieces of an axis (in front of a concatenation),
    groups that no tensor computes or reads by a product, those that are read once for each neuron of another group (whose activations
    could be compared only if that one were matched before), and those on tensors that are constants.

    Parameters
    ----------
    graph : Graph
    constants : collection of str
        Tensors that stay as they are.

    Returns
    -------
    Factored
    """
    left = {group: None for name in constants for axis in graph.axes.get(name, ()) for group in axis.groups}
    while more := {group: None for axes in graph.axes.values() for group in _hidden(axes, left)} or _without_products(graph, left):
        left.update(more)
    places = {name: _places(axes, left) for name, axes in graph.axes.items()}
    views = {name: _view(graph.axes[name], part) for name, part in places.items() if part}
    spec = {name: tuple(places[name][k].group for k in views[name].order) if name in views else () for name in graph.axes}
    return Factored(PermutationSpec(spec), views, tuple(left))


def _free(axis: Axis, left: Mapping[str, None]) -> list[str]:
    """Return the groups on an axis that are not left, each as often as it is there."""
    return [f.group for segment in axis.segments for f in segment if f.group is not None and f.group not in left]


def _hidden(axes: Sequence[Axis], left: Mapping[str, None]) -> list[str]:
    """Return the groups that a tensor cannot show."""
    pieces = [group for axis in axes if len(axis.segments) > 1 for group in _free(axis, left)]
    sides = [[group for axis in axes if axis.reads == reads for group in _free(axis, left)] for reads in (False, True)]
    across = [group for axis in axes if any(other not in left for other in axis.across) for group in _free(axis, left)]
    return pieces + across + [group for side in sides if len(side) > 1 for group in side]


def _without_products(graph: Graph, left: Mapping[str, None]) -> dict[str, None]:
    """Return the groups that are not rows of a matrix, or that nothing reads."""
    rows = {group for axes in graph.axes.values() if len(axes) > 1 for axis in axes if not axis.reads for group in axis.groups}
    read = {group for axes in graph.axes.values() if len(axes) > 1 for axis in axes if axis.reads for group in axis.groups}
    return {group: None for group in graph.sizes if group not in left and group not in rows & read}


@dataclass(frozen=True)
class _Factor:
    size: int
    group: str | None
    reads: bool
    axis: int


def _places(axes: Sequence[Axis], left: Mapping[str, None]) -> list[_Factor]:
    """Return the factors of a tensor in their order; an axis without a group that moves is one."""
    places: list[_Factor] = []
    for k, axis in enumerate(axes):
        if _free(axis, left):
            places += [_Factor(f.size, None if f.group in left else f.group, axis.reads, k) for f in axis.segments[0]]
        else:
            places.append(_Factor(axis.size, None, axis.reads, k))
    return places


def _view(axes: Sequence[Axis], places: Sequence[_Factor]) -> View:
    numbers = range(len(places))
    first = [k for reads in (False, True) if (k := _first(places, reads)) is not None]
    order = (*first, *(k for k in numbers if k not in first))
    read = (1, 1, 2, 1)
    if (k := _first(places, True)) is not None:
        same = [j for j in numbers if places[j].axis == places[k].axis]
        read = (places[k].axis, same[0], same[-1] + 1, k)
    return View(tuple(axis.size for axis in axes), tuple(factor.size for factor in places), order, read)


def _first(places: Sequence[_Factor], reads: bool) -> int | None:
    """Return the factor that counts the neurons of one side: that with a group, or else the first one."""
    side = [k for k, factor in enumerate(places) if factor.reads == reads]
    return next((k for k in side if places[k].group is not None), side[0] if side else None)
