"""Any `torch.nn.Module` of a caller's own, with its symmetry graph."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.common.threads import callers_threads, one_thread
from lmc_sweeps.models.base import Architecture, Counts, Shape, unstack
from lmc_sweeps.models.batch_norm import BatchNorms, NormSums, batch_norms_of, stacked_norm_sums
from lmc_sweeps.models.corrected_products import corrected_on_the_way
from lmc_sweeps.models.functional import is_batch_norm, is_computed_at_once, stacked_gradients, stacked_outputs, stacked_training_outputs
from lmc_sweeps.models.hidden_layers import Corrector, HiddenLayer
from lmc_sweeps.models.product_counts import counted_products
from lmc_sweeps.models.sites import Products, Use, products_apart
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.linear_form import LinearForm, linear_form
from lmc_sweeps.symmetry.sites import Site, sites_of

EXAMPLES = 2  # that a module is traced with, its graph proved, and the linear form of its networks found
DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


class TorchModule(Architecture):
    """A module of which nothing need be known: a stack of networks is computed at once where that is possible and faster (`functional`).

    Activations are read where they are used: those of a group are the other factor of the products in which a tensor stands that reads
    the group (`sites`), one row per example and position. Those that no such product shows are left out.

    It computes with as many threads as the caller has set: its results are the same to rounding, not to the bit, for every number of them.

    Parameters
    ----------
    module : nn.Module
        Copied; put in evaluation mode.
    graph : Graph
        Must cover every parameter and every buffer that has an axis.
    """

    shows_all: ClassVar[bool] = False
    corrects_at_once: ClassVar[bool] = False

    def __init__(self, module: nn.Module, graph: Graph) -> None:
        self._module = copy.deepcopy(module).eval()
        self._graph, self._sites = graph, sites_of(graph)
        self._linear_form: LinearForm | None = None  # once it was asked for: it takes seconds

    def graph(self, network: Mapping[str, Tensor]) -> Graph:
        return self._graph

    @one_thread()
    def linear_form(self, network: Mapping[str, Tensor], inputs: Tensor) -> LinearForm:
        if self._linear_form is None:
            self._linear_form = linear_form(
                copy.deepcopy(self._module).cpu(), self._graph, inputs[:EXAMPLES].cpu(), generator(0, "linear form")
            )
        return self._linear_form

    def reads(self, network: Mapping[str, Tensor]) -> dict[str, tuple[str, ...]]:
        return {name: tuple(site.key for site in sites) for name, sites in self._sites.reads.items()}

    def columns(self, network: Mapping[str, Tensor]) -> dict[str, int]:
        return {key: prod(factor.size for factor in site.neurons) for key, site in self._sites.all().items()}

    def sites(self, network: Mapping[str, Tensor]) -> dict[str, tuple[Site, ...]]:
        return dict(self._sites.groups)

    def sources(self, group: str) -> tuple[str, ...]:
        places = [o.tensor for o in self._graph.occurrences(group) if not o.reads]
        return tuple(site.key for name in places for site in self._sites.reads.get(name, ()))

    def taken(self, inputs: Tensor) -> Tensor:
        """Return examples of a dataset as they are: vectors, images or tokens; a module that wants another shape makes it itself."""
        return inputs

    @callers_threads()
    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        return stacked_outputs(self._module, stack, inputs)

    @callers_threads()
    def training_forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return stacked_training_outputs(self._module, stack, inputs)

    def is_computed_at_once(self, stack: Mapping[str, Tensor]) -> bool:
        return is_computed_at_once(self._module, stack)

    def batch_norms(self) -> BatchNorms:
        return batch_norms_of(self._module)

    @callers_threads()
    def norm_sums(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, NormSums]:
        return stacked_norm_sums(self._module, stack, inputs)

    def hidden_layers(self) -> tuple[HiddenLayer, ...]:
        """Return the tensors of two axes and more that write a group, each with the vector that has its name with `bias` for `weight`."""
        layers = {}
        for occurrence in (each for group in self._graph.groups for each in self._graph.occurrences(group) if not each.reads):
            weight = occurrence.tensor
            if len(self._graph.axes[weight]) > 1:
                before, _, after = weight.rpartition("weight")  # of a layer's name, and of one of several weights of a layer
                bias = f"{before}bias{after}"
                has_bias = len(self._graph.axes.get(bias, ())) == 1
                layers[weight] = HiddenLayer(weight, occurrence.axis, bias if has_bias else None)
        return tuple(layers.values())

    def linear_results(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, Tensor]:
        """Return what the hidden layers compute of which the network takes one product each; others are left out."""
        axes = {layer.weight: layer.axis for layer in self.hidden_layers()}
        networks = len(next(iter(stack.values())))
        shown: dict[str, list[Tensor]] = {}
        for k in range(networks):
            for name, uses in self.uses(unstack(stack, k), inputs, before=True).items():
                if name in axes and len(uses) == 1 and uses[0].results is not None:
                    shown.setdefault(name, []).append(uses[0].results)
        results = {name: torch.stack(values) for name, values in shown.items() if len(values) == networks}
        return {name: values for name, values in results.items() if values.shape[-1] == stack[name].shape[1 + axes[name]]}

    def linear_result(self, weight: str, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """Return what one hidden layer computes, (K, rows, neurons); the results of all of them together can be gigabytes."""
        results = [self.uses(unstack(stack, k), inputs, before=True, only=weight)[weight][0].results for k in range(len(stack[weight]))]
        return torch.stack([each for each in results if each is not None])

    @callers_threads()
    def corrected(self, stack: Mapping[str, Tensor], batches: Sequence[Tensor], corrector: Corrector) -> dict[str, Tensor]:
        """Return a stack with its hidden layers corrected in turn: one network in one pass, where that can be done on the way."""
        if len(next(iter(stack.values()))) == 1:
            expected = list(self.linear_results(stack, batches[0][:EXAMPLES]))
            layers, network = self.hidden_layers(), unstack(stack, 0)
            changed = corrected_on_the_way(self._module, network, layers, batches, corrector, expected)
            if changed is not None:
                return {**stack, **changed}
        return super().corrected(stack, batches, corrector)

    @callers_threads()
    def gradients(
        self, stack: Mapping[str, Tensor], inputs: Tensor, at_logits: Callable[[Tensor], Tensor], out: Mapping[str, Tensor]
    ) -> None:
        for name, gradient in stacked_gradients(self._module, stack, inputs, at_logits).items():
            out[name].copy_(gradient)

    def activations(self, stack: Mapping[str, Tensor], inputs: Tensor, before: bool = False) -> dict[str, Tensor]:
        per_network = [self._activations(unstack(stack, k), inputs, before) for k in range(len(next(iter(stack.values()))))]
        return {key: torch.stack([activations[key] for activations in per_network]) for key in per_network[0]}

    def counts(self, shape: Shape, sizes: Mapping[str, tuple[int, ...]]) -> Counts:
        """Return the counts of its tensors, with the operations of all products, their results as activations, and its outputs.

        Of a module whose code cannot be run without values (`product_counts`) they are those of its tensors alone.
        """
        counts, products = super().counts(shape, sizes), counted_products(self._module, shape.inputs)
        counts = replace(counts, repair_passes=min(counts.repair_passes, 1))  # `corrected` is one, unless results are too large for that
        if products is None:
            return counts
        activations = shape.n_inputs + products.results
        return replace(counts, operations=products.operations, activations=activations, outputs=products.outputs)

    def check_trainable(self, parameters: Mapping[str, Tensor]) -> None:
        """Raise `InputError` if a sweep could not train networks of these tensors as the module says.

        Batch norms are trained as PyTorch does, from running statistics that are among the tensors; dropout would drop nothing.
        """
        for name, layer in self._module.named_modules():
            if isinstance(layer, DROPOUT) and layer.p > 0:
                raise InputError(
                    f"a sweep does not train {type(layer).__name__} layers ({name or 'the module'}): nothing is dropped in it. Use no "
                    "dropout; networks that were trained elsewhere are compared by lmc_sweeps.compare."
                )
            if is_batch_norm(layer) and getattr(layer, "momentum", 0.1) is None and layer.track_running_stats:
                raise InputError(
                    f"a sweep does not train batch norms with momentum=None ({name or 'the module'}): they count their "
                    "batches, and the count is no tensor of a stack. Give a momentum, e.g. 0.1."
                )
        shapes = {name: tuple(axis.size for axis in axes) for name, axes in self._graph.axes.items()}
        initial = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
        for name in (*shapes, *(name for name in initial if name not in shapes)):
            if shapes.get(name) != initial.get(name):
                raise InputError(
                    f"`initial` must return the tensors of the module's graph: {name!r} has shape {shapes.get(name, 'none')} there, and "
                    f"{initial.get(name, 'none')} in what `initial` returns."
                )

    def module(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        module = copy.deepcopy(self._module)
        module.load_state_dict({**module.state_dict(), **parameters})
        return module

    @callers_threads()
    def uses(self, parameters: Mapping[str, Tensor], inputs: Tensor, before: bool = False, only: str | None = None) -> dict[str, list[Use]]:
        """Return the products in which the parameters of two axes and more stand, of one network, by name.

        `before` keeps the results of all of them; without it those alone that show a group which no tensor reads. `only` names one
        parameter whose products alone are looked for.
        """
        names = [name for name, axes in self._graph.axes.items() if len(axes) > 1 and name in parameters and only in (None, name)]
        computed = names if before else [site.tensor for sites in self._sites.groups.values() for site in sites if not site.reads]
        with products_apart(), Products(parameters, names, computed) as products:
            functional_call(self._module, dict(parameters), (inputs.clone(),))
        return products.uses

    def readable(self, uses: Mapping[str, Sequence[Use]], before: bool = False) -> dict[str, Tensor]:
        """Return the activations that products show, by site."""
        return {key: values for key, site in self._sites.all(before).items() if (values := _shown(site, uses)) is not None}

    def _activations(self, parameters: Mapping[str, Tensor], inputs: Tensor, before: bool) -> dict[str, Tensor]:
        return self.readable(self.uses(parameters, inputs, before), before)


def _shown(site: Site, uses: Mapping[str, Sequence[Use]]) -> Tensor | None:
    """Return what a site shows in the products of its tensor, one after the other; None where it is in none."""
    if site.reads:
        rows = [use.rows for use in uses.get(site.tensor, ()) if use.axis == site.axis]
    else:
        rows = [use.results for use in uses.get(site.tensor, ()) if use.axis != site.axis and use.results is not None]
    values = [site.values(part) for part in rows]
    return torch.cat([part for part in values if part is not None]) if values and all(part is not None for part in values) else None
