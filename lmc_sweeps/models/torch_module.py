"""Any `torch.nn.Module` of a caller's own, with its symmetry graph."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lmc_sweeps.models.base import Architecture, unstack
from lmc_sweeps.models.sites import Products, Use
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.sites import Site, sites_of


class TorchModule(Architecture):
    """A module called once per network: slower than a stack, but nothing need be known of its layers.

    Activations are read where they are used: those of a group are the other factor of the products in which a tensor stands that reads
    the group (`sites`), one row per example and position. Those that no such product shows are left out.

    Parameters
    ----------
    module : nn.Module
        Copied; put in evaluation mode.
    graph : Graph
        Must cover every parameter and every buffer that has an axis.
    """

    shows_all: ClassVar[bool] = False

    def __init__(self, module: nn.Module, graph: Graph) -> None:
        self._module = copy.deepcopy(module).eval()
        self._graph, self._sites = graph, sites_of(graph)

    def graph(self, network: Mapping[str, Tensor]) -> Graph:
        return self._graph

    def reads(self, network: Mapping[str, Tensor]) -> dict[str, tuple[str, ...]]:
        return {name: tuple(site.key for site in sites) for name, sites in self._sites.reads.items()}

    def sites(self, network: Mapping[str, Tensor]) -> dict[str, tuple[Site, ...]]:
        return dict(self._sites.groups)

    def sources(self, group: str) -> tuple[str, ...]:
        places = [o.tensor for o in self._graph.occurrences(group) if not o.reads]
        return tuple(site.key for name in places for site in self._sites.reads.get(name, ()))

    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        return torch.stack([self._call(unstack(stack, k), inputs) for k in range(len(next(iter(stack.values()))))])

    def gradients(
        self, stack: Mapping[str, Tensor], inputs: Tensor, at_logits: Callable[[Tensor], Tensor], out: Mapping[str, Tensor]
    ) -> None:
        # Inputs of a module may have any number of axes, so `forward` cannot see whether each network has its own: here they have.
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in stack.items()}
        with torch.enable_grad():
            logits = torch.stack([self._call(unstack(leaves, k), batch) for k, batch in enumerate(inputs)])
        gradients = torch.autograd.grad(logits, list(leaves.values()), at_logits(logits.detach()), allow_unused=True)
        for name, gradient in zip(leaves, gradients, strict=True):
            out[name].zero_() if gradient is None else out[name].copy_(gradient)

    def activations(self, stack: Mapping[str, Tensor], inputs: Tensor, before: bool = False) -> dict[str, Tensor]:
        per_network = [self._activations(unstack(stack, k), inputs, before) for k in range(len(next(iter(stack.values()))))]
        return {key: torch.stack([activations[key] for activations in per_network]) for key in per_network[0]}

    def module(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        module = copy.deepcopy(self._module)
        module.load_state_dict({**module.state_dict(), **parameters})
        return module

    def uses(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> dict[str, list[Use]]:
        """Return the products in which the parameters of two axes and more stand, of one network, by name."""
        fused = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # of a transformer's layers: one kernel, whose products cannot be seen
        try:
            with Products(
                parameters, [name for name, axes in self._graph.axes.items() if len(axes) > 1 and name in parameters]
            ) as products:
                functional_call(self._module, dict(parameters), (inputs.clone(),))
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)
        return products.uses

    def readable(self, uses: Mapping[str, Sequence[Use]], before: bool = False) -> dict[str, Tensor]:
        """Return the activations that products show, by site."""
        return {key: values for key, site in self._sites.all(before).items() if (values := _seen(site, uses)) is not None}

    def _activations(self, parameters: Mapping[str, Tensor], inputs: Tensor, before: bool) -> dict[str, Tensor]:
        return self.readable(self.uses(parameters, inputs), before)

    def _call(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        # A module may change its inputs in place, which are the next network's too.
        return functional_call(self._module, dict(parameters), (inputs.clone(),))


def _seen(site: Site, uses: Mapping[str, Sequence[Use]]) -> Tensor | None:
    """Return what a site shows in the products of its tensor, one after the other; None where it is in none."""
    if site.reads:
        rows = [use.rows for use in uses.get(site.tensor, ()) if use.axis == site.axis]
    else:
        rows = [use.results for use in uses.get(site.tensor, ()) if use.axis != site.axis and use.results is not None]
    values = [site.values(part) for part in rows]
    return torch.cat([part for part in values if part is not None]) if values and all(part is not None for part in values) else None
