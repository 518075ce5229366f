"""A permutation specification that a caller brings to `compare`: completed, put into the order of the network, checked before measuring."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.neuron_weights import leading
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.models.base import INPUT
from lmc_sweeps.models.sites import Use
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.own_networks.modules import OwnNetwork
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.sites import read_axis

Axes = dict[str, tuple[str | None, ...]]


def own_graph(requested: Any, network: OwnNetwork) -> Graph:
    """Return the graph that a specification says of the network's tensors, groups in the order in which they are computed, if there is one.

    Raises
    ------
    InputError
        If it is no specification, does not fit the network's tensors, or leaves methods nothing to permute.
    """
    if isinstance(requested, Graph):
        return _own_axes(requested, network)
    axes = _sorted(_by_tensor(_entries(requested), network))
    spec = PermutationSpec(axes)
    sizes = spec.sizes(network.parameters)
    if INPUT in sizes:
        raise InputError(f"a group cannot be called {INPUT!r}, which stands for the network's own inputs; give it another name.")
    if not sizes:
        raise InputError("the permutation specification names no group: nothing could be permuted, and every method would be the identity.")
    if max(sizes.values()) == 1:
        raise InputError(f"every group of the permutation specification ({', '.join(sizes)}) has one neuron: there is nothing to permute.")
    for group in sizes:
        if group not in spec.groups:
            holders = [name for name, entry in axes.items() if group in entry]
            raise InputError(
                f"group {group!r} is on no parameter's first axis, that of its outputs ({', '.join(holders)} only), so that no method can "
                "match it: name what computes it, or give None there."
            )
        if not spec.incoming(group):
            raise InputError(f"group {group!r} has no incoming weights: only parameters of one axis have it on their first axis.")
    return Graph.by_hand(axes, network.parameters, network.buffers)


def _own_axes(graph: Graph, network: OwnNetwork) -> Graph:
    """Return a graph that a caller has traced, if it is one of the network's tensors."""
    for name, tensor in network.parameters.items():
        shape = tuple(axis.size for axis in graph.axes.get(name, ()))
        if shape != tuple(tensor.shape):
            raise InputError(
                f"`permutation_spec` is a graph of other tensors: {name!r} has shape {tuple(tensor.shape)}, and {shape or 'none'} there."
            )
    return graph.without(groups_of_constants(graph, network))


def groups_of_constants(graph: Graph, network: OwnNetwork) -> set[str]:
    """Return the groups that stand on tensors which are not measured, and so not mapped: they stay in their order."""
    return {group for name, axes in graph.axes.items() if name not in network.parameters for axis in axes for group in axis.groups}


def _entries(requested: Any) -> Axes:
    """Return a caller's mapping with tuples of names in it."""
    mapping = requested.axes if isinstance(requested, PermutationSpec) else requested
    if not isinstance(mapping, Mapping):
        raise InputError(
            "`permutation_spec` must be a mapping of parameters to one entry per axis, the name of a group or None, "
            f"got {type(requested).__name__}."
        )
    for name, entry in mapping.items():
        if not isinstance(entry, tuple | list) or not all(group is None or (isinstance(group, str) and group) for group in entry):
            raise InputError(
                f"`permutation_spec` must give {name!r} one entry per axis, the name of a group or None, as in ('hidden', None), "
                f"got {entry!r}."
            )
    return {name: tuple(entry) for name, entry in mapping.items()}


def _by_tensor(axes: Axes, network: OwnNetwork) -> Axes:
    """Return the entries of the tensors that are measured: each once, without a wrapper's prefix, those without axes added."""
    prefix = network.prefix
    if prefix and all(name.startswith(prefix) for name in axes):
        axes = {name.removeprefix(prefix): entry for name, entry in axes.items()}
    others = {name: tensor for name, tensor in network.module.state_dict().items() if name not in {*network.parameters, *network.aliases}}
    entries: Axes = {}
    for name, entry in axes.items():
        if name in others:
            if any(entry):
                raise InputError(f"{name!r}, in {others[name].dtype}, is a constant: only finite floating-point numbers are permuted.")
            continue
        own = network.aliases.get(name, name)
        if own not in network.parameters:
            close = difflib.get_close_matches(str(name), list(network.parameters), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise InputError(
                f"the permutation specification names {name!r}, which the network lacks; it has {', '.join(network.parameters)}.{hint}"
            )
        if entries.setdefault(own, entry) != entry:
            raise InputError(
                f"{name!r} and {own!r} are one tensor, but the permutation specification gives them {entry} and {entries[own]}."
            )
    return entries | {name: () for name, tensor in network.parameters.items() if tensor.dim() == 0 and name not in entries}


def _sorted(axes: Axes) -> Axes:
    """Return the entries ordered so that each group comes after those that feed it, unchanged where they already are; cycles stay."""
    groups = PermutationSpec(axes).groups
    feeding = {group: {entry[1] for entry in axes.values() if len(entry) > 1 and entry[0] == group} for group in groups}
    order: list[str | None] = []
    waiting = list(groups)
    while waiting:
        ready = next((group for group in waiting if not feeding[group] & {*waiting} - {group}), waiting[0])
        order.append(ready)
        waiting.remove(ready)
    if order == list(groups):
        return axes
    first = {name for name, entry in axes.items() if not any(entry)}  # what nobody permutes stays where it was, before the rest
    rank = {group: k for k, group in enumerate([*order, None])}
    return dict(sorted(axes.items(), key=lambda item: -1 if item[0] in first else rank[item[1][0]]))


def check_methods(
    architecture: TorchModule, network: OwnNetwork, uses: Mapping[str, Sequence[Use]], methods: Sequence[Matching]
) -> list[str]:
    """Return a note on every method that cannot see some of the activations that it compares, and what it does instead.

    Parameters
    ----------
    architecture : TorchModule
    network : OwnNetwork
    uses : mapping of str to sequence of Use
        The products in which the network's parameters stand.
    methods : sequence of Matching

    Raises
    ------
    InputError
        If a parameter has its inputs on its first axis.
    """
    graph = architecture.graph(network.parameters)
    _check_directions(graph, uses)
    readable = architecture.readable(uses)
    notes = []
    for method in methods:
        if "cross_moments" in method.needs:
            sites = architecture.sites(network.parameters)
            unseen = [group for group in graph.groups if not any(site.key in readable for site in sites.get(group, ()))]
            remedy = "they are matched by their weights"
        elif "moments" in method.needs:
            places = [o for group in graph.groups for o in leading(graph, group)]
            keys = architecture.reads(network.parameters)
            readable_tensors = {name for name in graph.axes if all(key in readable for key in keys.get(name, ("",)))}
            unseen = [
                *dict.fromkeys(o.tensor for o in places if o.tensor not in readable_tensors or o.axis == read_axis(graph.axes[o.tensor]))
            ]
            remedy = "their inputs count as uncorrelated and of equal size"
        else:
            continue
        if unseen:
            listed = ", ".join(unseen[:5]) + (f" and {len(unseen) - 5} more" if len(unseen) > 5 else "")
            notes.append(f"{method.name}: no product of matrices shows the activations of {listed}, so {remedy}.")
    return notes


def _check_directions(graph: Graph, uses: Mapping[str, Sequence[Use]]) -> None:
    """Raise `InputError` where a parameter has its inputs on its first axis: methods would match neurons by their outgoing weights."""
    for name, axes in graph.axes.items():
        groups = axes[0].groups if len(axes) > 1 and not axes[0].reads else ()
        if groups and {use.axis for use in uses.get(name, ())} == {0}:
            raise InputError(
                f"{name!r} is summed over its first axis (as in `x @ weight`, or a transposed convolution): that axis has its inputs, "
                f"and the permutation specification takes it for its outputs, {groups[0]!r}. Store it as nn.Linear does, (outputs, inputs)."
            )
