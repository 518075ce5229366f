"""The mathematics of two networks of a caller's: a chain of linear layers, or A's own code with a permutation specification."""

from typing import Any

from torch import nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.feed_forward import Layer
from lmc_sweeps.models.sequential import from_sequential
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.own_networks.modules import OwnNetwork, check_same, visible
from lmc_sweeps.own_networks.specification import own_spec


def architecture_of(a: OwnNetwork, b: OwnNetwork, spec: Any) -> Architecture:
    """Return the mathematics of both networks, A's code; their tensors are those of its specification.

    Raises
    ------
    InputError
        If the networks differ, or, without a specification, are no `nn.Sequential` of linear layers.
    """
    if spec is not None:
        check_same(a, b)
        return TorchModule(a.module, own_spec(spec, a))
    chain_a, chain_b = (from_sequential(_sequential(network.module)) for network in (a, b))
    for layer_a, layer_b in zip(chain_a.layers, chain_b.layers, strict=False):
        if _function(layer_a) != _function(layer_b):
            raise InputError(f"network A and network B differ: {layer_a} against {layer_b}.")
    check_same(a, b)
    chain_a.spec.sizes(a.parameters)
    return chain_a


def _sequential(module: nn.Module) -> nn.Sequential:
    if not isinstance(module, nn.Sequential):
        sentence = f"a {type(module).__name__} is not an nn.Sequential of linear layers"
        if type(module).__module__.startswith("lmc_sweeps.models."):  # of a model that a user has added, or of ours
            raise InputError(
                f"{sentence}. Networks of a model of your own are measured by a sweep (model=NAME), in any form; here pass "
                "`permutation_spec` with one entry per axis, if every group in it is on the second axis of a parameter."
            )
        raise InputError(f"{sentence}: pass `permutation_spec` with one entry per axis.")
    return module


def _function(layer: Layer) -> list[Any]:
    """Return what makes a layer the function that it is: its name, its bias, and the activations that act in evaluation mode."""
    active = [module for module in layer.after if not isinstance(module, nn.Dropout | nn.Identity)]
    return [layer.name, layer.has_bias, *map(visible, active)]
