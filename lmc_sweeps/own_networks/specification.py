"""A permutation specification that a caller brings to `compare`: completed, put into the order of the network, checked before measuring."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.base import Matching, SequentialMatching
from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.models.sites import Use
from lmc_sweeps.models.torch_module import TorchModule, unreadable
from lmc_sweeps.own_networks.modules import OwnNetwork

Axes = dict[str, tuple[str | None, ...]]


def own_spec(requested: Any, network: OwnNetwork) -> PermutationSpec:
    """Return a specification of the network's own tensors, groups in the order in which they are computed, as far as there is one.

    Raises
    ------
    InputError
        If it is no specification, does not fit the network's tensors, or leaves methods nothing to permute.
    """
    axes = _sorted(_by_tensor(_entries(requested), network))
    spec = PermutationSpec(axes)
    sizes = spec.sizes(network.parameters)
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
    return spec


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


def check_methods(architecture: TorchModule, network: OwnNetwork, uses: Mapping[str, Sequence[Use]], methods: Sequence[Matching]) -> None:
    """Raise `InputError` where a method could not do, or would do something else than it says, with a specification.

    Parameters
    ----------
    architecture : TorchModule
    network : OwnNetwork
    uses : mapping of str to sequence of Use
        The products in which the network's parameters stand.
    methods : sequence of Matching
    """
    spec = architecture.spec
    sequential = [method.name for method in methods if isinstance(method, SequentialMatching) and method.ordered]
    if sequential:
        _check_order(architecture, sequential[0])
    _check_directions(spec, {name: use for name, use in uses.items() if name not in architecture.views})
    readable = architecture.readable(network.parameters, {name: list(products) for name, products in uses.items()})
    needs = [method.needs for method in methods]
    keys = list(spec.groups) if any(need & {"moments", "cross_moments"} for need in needs) else []
    if any({"weights", "moments"} <= method.needs for method in methods if not isinstance(method, SequentialMatching) or method.ordered):
        keys += [source for group in spec.groups for source in architecture.sources(group)]
    for key in keys:
        if key not in readable:
            raise InputError(unreadable(key, architecture.readers(key)))


def _check_order(architecture: TorchModule, method: str) -> None:
    """Raise `InputError` where groups feed one another, so that no order has each behind those that feed it."""
    earlier: set[str] = set()
    for group in architecture.spec.groups:
        later = [source for source in architecture.sources(group) if source in architecture.spec.groups and source not in earlier]
        if later:
            feeder = "itself" if later[0] == group else f"{later[0]!r}, and that by {group!r} in its turn"
            raise InputError(
                f"group {group!r} is fed by {feeder} (a residual connection?): one pass cannot match it, as {method} would; "
                "matching=['activations'] needs no order."
            )
        earlier.add(group)


def _check_directions(spec: PermutationSpec, uses: Mapping[str, Sequence[Use]]) -> None:
    """Raise `InputError` where a parameter has its inputs on its first axis: methods would match neurons by their outgoing weights."""
    for group in spec.groups:
        for name in spec.incoming(group):
            summed = {use.axis for use in uses.get(name, ())}
            if summed == {0}:
                raise InputError(
                    f"{name!r} is summed over its first axis (as in `x @ weight`, or a transposed convolution): that axis has its inputs, "
                    f"and the permutation specification takes it for its outputs, {group!r}. Store it as nn.Linear does, (outputs, inputs)."
                )
