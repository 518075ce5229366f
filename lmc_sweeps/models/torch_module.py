"""Any `torch.nn.Module` of a caller's own, with the permutation specification that the caller brings."""

import copy
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations
from lmc_sweeps.models.base import INPUT, Architecture, unstack
from lmc_sweeps.models.sites import Products, Use
from lmc_sweeps.symmetry.views import View, own_tensors


class TorchModule(Architecture):
    """A module called once per network: slower than a stack, but nothing need be known of its layers.

    Activations are read where they are used: those of a group are the other factor of the products in which a parameter stands whose
    second axis the group permutes (`sites`), one row per example and position.

    Parameters
    ----------
    module : nn.Module
        Copied; put in evaluation mode.
    spec : PermutationSpec
        Must cover every parameter and every buffer that has an axis.
    views : mapping of str to View, optional
        How the tensors that the specification speaks of are made of the module's own; those without a view are the module's own.
    """

    def __init__(self, module: nn.Module, spec: PermutationSpec, views: Mapping[str, View] | None = None) -> None:
        self._module = copy.deepcopy(module).eval()
        self.spec = spec
        self.views = dict(views or {})
        self._readers: dict[str, list[str]] = {}
        for name, axes in spec.axes.items():
            if len(axes) > 1:
                self._readers.setdefault(self._source(name), []).append(name)
        if INPUT in spec.groups:
            raise InputError(f"a group cannot be called {INPUT!r}, which stands for the network's own inputs; give it another name.")
        unread = [group for group in spec.groups if group not in self._readers]
        if unread:
            sentence = f"no parameter has {', '.join(map(repr, unread))} on its second axis: nothing reads these neurons."
            first = spec.incoming(unread[0])
            if len(first) > 1:  # one of them may be read by its columns
                sentence += (
                    f" {' and '.join(first)} have {unread[0]!r} on their first axis; networks that are held so are measured by a sweep "
                    "of a model of your own, and not here."
                )
            raise InputError(sentence)

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

    def activations(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, Tensor]:
        per_network = [self._activations(unstack(stack, k), inputs) for k in range(len(next(iter(stack.values()))))]
        return {key: torch.stack([activations[key] for activations in per_network]) for key in per_network[0]}

    def sources(self, group: str) -> tuple[str, ...]:
        return tuple(self._source(parameter) for parameter in self.spec.incoming(group))

    def line_logits(
        self,
        a: Mapping[str, Tensor],
        b: Mapping[str, Tensor],
        permutations: Sequence[Mapping[str, np.ndarray]],
        t: Tensor,
        inputs: Tensor,
    ) -> Tensor:
        lines: list[Tensor] = []
        for permutation in permutations:
            aligned = apply_permutations(b, self.spec, permutation)
            outputs = [  # at t = 0 every line is at A, where the first one has been evaluated
                lines[0][k] if lines and value == 0 else self._call(unstack(interpolate(a, aligned, t[k : k + 1]), 0), inputs)
                for k, value in enumerate(t.tolist())
            ]
            lines.append(torch.stack(outputs))
        return torch.stack(lines)

    def _source(self, parameter: str) -> str:
        """Return what feeds a parameter: a group, the network's input, or something in between that no group permutes."""
        group = self.spec.axes[parameter][1]
        if group is not None:
            return group
        first = next(name for name, axes in self.spec.axes.items() if len(axes) > 1 and axes[1] is None)
        return INPUT if parameter == first else f"{INPUT} of {parameter}"

    def module(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        module = copy.deepcopy(self._module)
        module.load_state_dict({**module.state_dict(), **own_tensors(parameters, self.views)})
        return module

    def readers(self, source: str) -> tuple[str, ...]:
        """Return the parameters that read a group, or what else feeds a layer."""
        return tuple(self._readers[source])

    def uses(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> dict[str, list[Use]]:
        """Return the products in which the parameters of two axes and more stand, of one network, by name."""
        fused = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # of a transformer's layers: one kernel, whose products cannot be seen
        try:
            own = own_tensors(parameters, self.views)
            with Products(own, [name for name, axes in self.spec.axes.items() if len(axes) > 1]) as products:
                functional_call(self._module, own, (inputs.clone(),))
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)
        return products.uses

    def readable(self, parameters: Mapping[str, Tensor], uses: Mapping[str, list[Use]]) -> dict[str, Tensor]:
        """Return the activations of every group or other source, as the first of its readers sees them that shows them; by source."""
        activations = {}
        for key, readers in self._readers.items():
            for reader in readers:
                shape = tuple(parameters[reader].shape)
                view = self.views.get(reader, View(shape, shape, tuple(range(len(shape)))))
                axis = view.read[0]
                rows = [use.rows for use in uses.get(reader, ()) if use.axis == axis and use.rows.shape[1] == view.own[axis]]
                if rows and key not in activations:
                    activations[key] = view.neurons(torch.cat(rows))
        return activations

    def _call(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        # A module may change its inputs in place, which are the next network's too.
        return functional_call(self._module, own_tensors(parameters, self.views), (inputs.clone(),))

    def _activations(self, parameters: Mapping[str, Tensor], inputs: Tensor) -> dict[str, Tensor]:
        activations = self.readable(parameters, self.uses(parameters, inputs))
        unread = [group for group in self.spec.groups if group not in activations]
        if unread:
            raise InputError(unreadable(unread[0], self._readers[unread[0]]))
        return activations


def unreadable(source: str, readers: Sequence[str]) -> str:
    """Return the sentence that says that the activations of a group, or of what else feeds a layer, cannot be read."""
    return (
        f"the activations of {source!r} cannot be read, as `covariance` and `activations` need them: {', '.join(map(repr, readers))} would "
        "have to be summed over the whole of its second axis, in a product of matrices or a convolution without groups. Use an nn.Linear "
        "or a convolution there, or matching=['weights']."
    )
