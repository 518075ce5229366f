"""The mathematics of two networks of a caller's: a chain of linear layers, or A's own code with its symmetries."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.feed_forward import FeedForward, Layer
from lmc_sweeps.models.sequential import from_sequential
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.own_networks.modules import OwnNetwork, check_same, visible
from lmc_sweeps.own_networks.proof import taken_inputs
from lmc_sweeps.own_networks.specification import groups_of_constants, own_graph
from lmc_sweeps.symmetry.tracing import trace

BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Measured:
    """What measures two networks, these as it takes them, and notes on how it was found."""

    architecture: Architecture
    a: OwnNetwork
    b: OwnNetwork
    notes: tuple[str, ...] = ()


def architecture_of(a: OwnNetwork, b: OwnNetwork, spec: Any, inputs: Tensor) -> Measured:
    """Return the mathematics of both networks: A's code, with a specification of the caller's, or with the symmetry graph of the module.

    Raises
    ------
    InputError
        If the networks differ, or, without a specification, A cannot be traced or has no neurons that can be matched.
    """
    if spec is not None:
        check_same(a, b)
        return Measured(TorchModule(a.module, own_graph(spec, a)), a, b, _notes(a))
    chain = _chain(a.module)
    if chain is None:
        check_same(a, b)
        return _traced(a, b, inputs)
    other = from_sequential(b.module) if isinstance(b.module, nn.Sequential) else None
    if other is None:
        raise InputError(f"network A and network B differ: a Sequential against a {type(b.module).__name__}.")
    for layer_a, layer_b in zip(chain.layers, other.layers, strict=False):
        if _function(layer_a) != _function(layer_b):
            raise InputError(f"network A and network B differ: {layer_a} against {layer_b}.")
    check_same(a, b)
    chain.graph(a.parameters)
    return Measured(chain, a, b)


def _chain(module: nn.Module) -> FeedForward | None:
    """Return a module as a chain of linear layers, which has fast paths, if it is one."""
    try:
        return from_sequential(module) if isinstance(module, nn.Sequential) else None
    except InputError:
        return None


def _traced(a: OwnNetwork, b: OwnNetwork, inputs: Tensor) -> Measured:
    weights = next(iter(a.parameters.values()))
    few = taken_inputs(a, "train", inputs[:2].to(weights.device), weights.dtype, is_flat=False)
    a.outputs("train", few)  # a sentence where it does not take them
    graph = trace(a.module, few if len(few) > 1 else torch.cat([few, few]))
    constant = groups_of_constants(graph, a)
    free = graph.without(constant)
    if not free.sizes:
        limits = "".join(f" {limit.operation} leaves {', '.join(limit.tensors[:3])} fixed." for limit in graph.limits)
        groups = f" groups on constants: {', '.join(sorted(constant))}." if constant else ""
        raise InputError(
            f"a {type(a.module).__name__} has no neurons that can be relabelled.{groups}{limits} "
            "print(lmc_sweeps.trace(network, inputs)) shows its axes; a `permutation_spec` of your own may name groups."
        )
    left = [f"left in their order, as constants have them: {', '.join(sorted(constant))}."] if constant else []
    for limit in graph.limits:
        more = f" and {len(limit.tensors) - 3} more" if len(limit.tensors) > 3 else ""
        left.append(f"left in their order, as {limit.operation} has no rule for them: axes of {', '.join(limit.tensors[:3])}{more}.")
    return Measured(TorchModule(a.module, free), a, b, (*left, *_notes(a)))


def _notes(a: OwnNetwork) -> tuple[str, ...]:
    """Return what has to be known of the line through networks of this kind."""
    if not any(isinstance(part, BATCH_NORM) for part in a.module.modules()):
        return ()
    return (
        "batch norm: running statistics along the line are interpolated where repair is none, which by itself can make a barrier; "
        "repair=['reset'] computes them again.",
    )


def _function(layer: Layer) -> list[Any]:
    """Return what makes a layer the function that it is: its name, its bias, and the activations that act in evaluation mode."""
    active = [module for module in layer.after if not isinstance(module, nn.Dropout | nn.Identity)]
    return [layer.name, layer.has_bias, *map(visible, active)]
