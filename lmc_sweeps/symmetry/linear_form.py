"""The form in which networks are compared by maps richer than permutations: norms folded away, and which groups may be rotated then."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.orthogonal import random_orthogonal
from lmc_sweeps.symmetry.axes import Factor
from lmc_sweeps.symmetry.folding import folded_tensors
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.head_maps import InHeads
from lmc_sweeps.symmetry.maps import Map, Orthogonal
from lmc_sweeps.symmetry.proof import DRAWS, SEEN, Evaluation, control_gaps
from lmc_sweeps.symmetry.streams import Stream, graph_with_streams

LEAST_DRAWN = 24  # neurons, over all random maps of a group: those of one or two neurons may keep the function by chance


@dataclass(frozen=True)
class LinearGroup:
    """A group whose neurons are coordinates of a space: any orthogonal map of it keeps what a network in linear form computes.

    Parameters
    ----------
    size : int
    heads : str, optional
        The group of the heads, if the coordinates are inside of them: then every head has an orthogonal map of its own.
    n_heads : int
    keeps_ones : bool
        Whether the maps must leave the vector of ones where it is, as on a stream of which norms take off the mean.
    """

    size: int
    heads: str | None = None
    n_heads: int = 1
    keeps_ones: bool = False

    def map_of(self, matrices: np.ndarray) -> Map:
        """Return the map of orthogonal matrices, (n, n) or (heads, n, n)."""
        return Orthogonal(matrices) if self.heads is None else InHeads(matrices)

    def identity(self) -> np.ndarray:
        """Return the matrices that change nothing."""
        return np.eye(self.size) if self.heads is None else np.tile(np.eye(self.size), (self.n_heads, 1, 1))

    def random(self, rng: np.random.Generator) -> Map:
        """Return orthogonal maps that are drawn uniformly."""
        if self.heads is not None:
            return InHeads(np.stack([random_orthogonal(self.size, rng) for _ in range(self.n_heads)]))
        return Orthogonal(random_orthogonal(self.size, rng, keeps_ones=self.keeps_ones))


@dataclass(frozen=True)
class LinearForm:
    r"""The linear form of the networks of an architecture, in which they compute the same, and its groups that may be rotated.

    Norms of residual streams get a scale of 1 and a shift of 0: the layers that read behind them take over both. Where norms take off the
    mean, what writes to the stream is centred, and what reads it too. A network in linear form is one of the same architecture: its
    tensors have the names and shapes that they had, and so has every network between two of them.

    Parameters
    ----------
    graph : Graph
        Of networks as they are.
    traced : Graph, optional
        That which the streams are of, where `graph` leaves groups out or names them in another way.
    streams : tuple of Stream
        Whose norms are folded.
    groups : mapping of str to LinearGroup
    obstacle : str
        Why a residual stream is left to permutations; empty where none is.
    """

    graph: Graph
    streams: tuple[Stream, ...] = ()
    groups: Mapping[str, LinearGroup] = field(default_factory=dict)
    obstacle: str = ""
    traced: Graph | None = None

    def folded(self, network: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a network in linear form; one without streams that can be folded is returned as it is."""
        tensors = dict(network)
        for stream in self.streams:
            tensors |= {
                name: tensor.to(tensors[name].dtype)
                for name, tensor in _with_unit_norms(tensors, self.traced or self.graph, stream).items()
            }
        return tensors

    @cached_property
    def free(self) -> Graph:
        """The symmetry graph of networks in linear form, in which no map moves the scales and shifts of folded norms."""
        fixed = {name for stream in self.streams for norm in stream.norms for name in (norm.scale, norm.shift) if name is not None}
        axes = {
            name: tuple(axis.without(axis.groups) for axis in axes) if name in fixed else axes for name, axes in self.graph.axes.items()
        }
        return replace(self.graph, axes=axes)


def linear_form(module: nn.Module, graph: Graph, example: Tensor | tuple[Any, ...], rng: np.random.Generator) -> LinearForm:
    """Return the linear form of a module's networks, with the groups that are seen to be coordinates.

    Which they are follows from the function alone, in float64 and of random norms (`Evaluation`): a group is one if random orthogonal maps
    of it change no output by more than rounding: other maps in each head for one behind a group of heads; or maps that leave the vector
    of ones, if others do not keep the function. Such a map on one axis of one tensor alone must change them, or nothing would be seen.

    Parameters
    ----------
    module : nn.Module
        Not changed. Without a residual stream that can be folded (`streams`) its networks are in linear form as they are.
    graph : Graph
    example : Tensor or tuple
        Inputs, at least two examples.
    rng : numpy.random.Generator

    References
    ----------
    Theus et al. 2025, arXiv 2506.22712, for the maps; ours, for finding the groups, and for a linear form of the same architecture.
    """
    function = Evaluation(module, graph, example, rng, both_signs=True)
    form = _form(function, graph)
    if (gap := function.gap(form.folded(function.tensors))) > function.rounding:
        form = LinearForm(graph, obstacle=f"its norms cannot be folded: outputs change by {gap:.1e} of the largest.")
    tensors = form.folded(function.tensors)
    groups = {}
    for group in graph.sizes:
        for candidate in _candidates(graph, group):
            if _keeps(function, form.free, tensors, group, candidate, rng):
                groups[group] = candidate
                break
    left = [group for group in graph.sizes if group not in groups and _is_sum(graph, group)]
    if left and not form.obstacle:
        form = replace(form, obstacle=f"rotations of {', '.join(left)} change what the network computes.")
    return replace(form, groups=groups)


def _keeps(
    function: Evaluation, graph: Graph, tensors: Mapping[str, Tensor], group: str, candidate: LinearGroup, rng: np.random.Generator
) -> bool:
    """Return whether random maps of a group keep the function, and one of them on one axis alone is seen not to."""
    draws = max(DRAWS, -(-LEAST_DRAWN // candidate.size))
    mappings = [candidate.random(rng) for _ in range(draws)]
    if any(function.gap(graph.apply(tensors, {group: mapping})) > function.rounding for mapping in mappings):
        return False
    least = max(SEEN, function.rounding)
    return any(gap > least for mapping in mappings for gap in control_gaps(function, graph, tensors, group, mapping))


def _is_sum(graph: Graph, group: str) -> bool:
    """Return whether layers that read different groups write to one, as to a residual stream."""
    places = [(o.tensor, o.axis) for o in graph.occurrences(group) if not o.reads and len(graph.axes[o.tensor]) > 1]
    sources = {frozenset(g for j, axis in enumerate(graph.axes[name]) if j != k for g in axis.groups) for name, k in places}
    return len(sources) > 1 and all(graph.axes[name][k].segments == ((Factor(graph.sizes[group], group),),) for name, k in places)


def _form(function: Evaluation, graph: Graph) -> LinearForm:
    """Return the form of networks whose streams can be folded, or what stands in the way of one."""
    try:
        traced, every = graph_with_streams(function.module, function.inputs)
    except InputError as error:
        return LinearForm(graph, obstacle=f"its norms cannot be folded: {error}")
    for stream in every:
        new = [name for name in folded_tensors(function.tensors, traced, stream) if name not in function.tensors]
        if new:
            obstacle = f"its norms cannot be folded: a layer would need the biases {', '.join(new)}, to take over the shift of a norm."
            return LinearForm(graph, obstacle=obstacle)
    return LinearForm(graph, every, traced=traced)


def _with_unit_norms(tensors: Mapping[str, Tensor], graph: Graph, stream: Stream) -> dict[str, Tensor]:
    """Return the tensors of a stream that change in linear form."""
    changed = folded_tensors(tensors, graph, stream)
    for norm in stream.norms:
        for reader in norm.readers if norm.centres else ():  # along the vector of ones there is nothing to read
            weight = changed.get(reader.weight, tensors[reader.weight])
            (k,) = (k for k, axis in enumerate(graph.axes[reader.weight]) if axis.reads)
            changed[reader.weight] = weight - weight.mean(k, keepdim=True)
        changed |= {name: torch.ones_like(tensors[name]) for name in (norm.scale,) if name is not None}
        changed |= {name: torch.zeros_like(tensors[name]) for name in (norm.shift,) if name is not None}
    return changed


def _candidates(graph: Graph, group: str) -> list[LinearGroup]:
    """Return what a group may be, the richest first."""
    size, places = graph.sizes[group], graph.occurrences(group)
    plain = [LinearGroup(size), *([LinearGroup(size, keeps_ones=True)] if size > 2 else [])]
    before = {graph.axes[o.tensor][o.axis].segments[o.segment][o.factor - 1].group if o.factor else None for o in places}
    heads = before.pop() if len(before) == 1 else None
    return plain if heads is None else [LinearGroup(size, heads, graph.sizes[heads]), *plain]
