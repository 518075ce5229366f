"""Feed-forward chains of linear layers and elementwise activation functions, computed for a stack of networks at once."""

import copy
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Size, Tensor, nn

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.maths.certificates import layerwise_certificate, operator_norm
from lmc_sweeps.maths.interpolation import interpolate, lerp
from lmc_sweeps.maths.permutations import PermutationSpec, permute
from lmc_sweeps.models.base import INPUT, Architecture, Counts, Shape, line_by, unstack
from lmc_sweeps.models.chain_gradients import ChainGradients
from lmc_sweeps.models.chain_layer import LIPSCHITZ, ChainModule, Layer
from lmc_sweeps.models.chain_products import Chain
from lmc_sweeps.models.hidden_layers import Corrector
from lmc_sweeps.models.padding import extend, pad, pad_axes, pad_stack, unpad
from lmc_sweeps.models.products import Products
from lmc_sweeps.symmetry.linear_form import LinearForm, LinearGroup
from lmc_sweeps.symmetry.maps import Map, permutations_of

MOST_ELEMENTS = 2**20  # of one block of activations along the line: 4 MiB, which stays near the cores (measured: 2**22 is 1.4 times slower)


class FeedForward(Architecture):
    r"""A chain of linear layers.

    .. math:: h^0 = x, \qquad z^l = W^l h^{l-1} + b^l, \qquad h^l = \sigma(z^l), \qquad W^l \in \mathbb R^{m_l \times m_{l-1}}

    for l = 1, ..., L hidden layers, with the last layer linear. Row i of :math:`W^l` holds the incoming weights of neuron i.

    Parameters
    ----------
    layers : sequence of Layer
        The hidden layers and the output layer.
    n_outputs : int, optional
        Outputs beyond these, which padding has added, are left out. Without it, networks are trained as they are, not padded.

    Notes
    -----
    Every product is a `torch.baddbmm` or `torch.bmm` over the stack, by one thread, of matrices that each begin at a cache line
    (padding.py). Measured: the results for one network are then the same bits for every size of the stack and every place in it.
    """

    def __init__(self, layers: Sequence[Layer], n_outputs: int | None = None) -> None:
        self.layers = tuple(layers)
        self._n_outputs, self._chain = n_outputs, Chain(self.layers)
        axes: dict[str, tuple[str | None, ...]] = {}
        before: str | None = None
        for k, layer in enumerate(self.layers):
            group = layer.name if k < len(self.layers) - 1 else None
            axes[f"{layer.name}.weight"] = (group, before)
            if layer.has_bias:
                axes[f"{layer.name}.bias"] = (group,)
            before = group
        self.spec = PermutationSpec(axes)

    @property
    def is_padded(self) -> bool:
        """Whether networks are padded in training: the function must stay as it is, so added neurons are 0 and added outputs left out.

        A subclass may compute something else from added neurons, so it answers for itself.
        """
        return type(self) is FeedForward and self._keeps_zeros()

    def _keeps_zeros(self) -> bool:
        is_elementwise = all(layer.is_elementwise for layer in self.layers)
        maps_0_to_0 = is_elementwise and all(float(module(torch.zeros(1))) == 0 for layer in self.layers for module in layer.after)
        return maps_0_to_0 and not self.layers[-1].after and self._n_outputs is not None

    def padded(self, network: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return pad(network) if self.is_padded else super().padded(network)

    def unpadded(self, network: Mapping[str, Tensor], shapes: Mapping[str, Size]) -> dict[str, Tensor]:
        return unpad(network, shapes) if self.is_padded else super().unpadded(network, shapes)

    def padded_inputs(self, inputs: Tensor) -> Tensor:
        return pad_axes(inputs, [1]) if self.is_padded else inputs

    def linear_form(self, network: Mapping[str, Tensor], inputs: Tensor) -> LinearForm:
        """Return the networks as they are; hidden layers without an activation function are coordinates."""
        graph = self.graph(network)
        linear = [layer.name for layer in self.layers[:-1] if layer.is_linear]
        return LinearForm(graph, groups={name: LinearGroup(graph.sizes[name]) for name in linear})

    def counts(self, shape: Shape, sizes: Mapping[str, tuple[int, ...]]) -> Counts:
        """Return the parameters, activations and operations of one network; every neuron and output is counted with a bias."""
        weights = {layer.name: sizes[f"{layer.name}.weight"] for layer in self.layers}
        rows, columns = weights[self.layers[0].name]
        parameters = sum(m * (n + 1) for m, n in weights.values())
        return Counts(
            parameters=parameters,
            activations=columns + sum(m for m, _ in weights.values()),
            operations=2 * parameters,
            operations_at_ends=2 * rows * columns,  # of the first layer
            outputs=weights[self.layers[-1].name][0],
            repair_passes=1,  # `corrected` is one
            neurons={layer.name: weights[layer.name][0] for layer in self.layers[:-1]},
            inputs={INPUT: columns},
        )

    def with_products_in(self, dtype: torch.dtype, results: bool = True) -> "FeedForward":
        other = copy.copy(self)
        other._chain = replace(self._chain, products=Products(dtype, results))
        return other

    def rounded_inputs(self, inputs: Tensor) -> Tensor:
        products, is_known = self._chain.products, type(self) is FeedForward  # a subclass may use them otherwise
        return products.factor(inputs) if is_known and products.rounds_results else inputs  # in float32 a copy would save nothing

    @one_thread()
    def forward(self, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        padded = pad_stack(stack, self.layers)
        return self._chain.onward(padded, self._chain.linear(0, padded, inputs))[..., : self._outputs(stack)]

    @one_thread()
    def gradients(
        self, stack: Mapping[str, Tensor], inputs: Tensor, at_logits: Callable[[Tensor], Tensor], out: Mapping[str, Tensor]
    ) -> None:
        # Of a subclass that changes `forward`, and gives no gradients of its own, they are autograd's.
        is_chain = type(self).forward is FeedForward.forward or type(self).gradients is not FeedForward.gradients
        if is_chain and ChainGradients.knows(self.layers):
            ChainGradients(self.layers, self._chain.products, stack, out, self._n_outputs).write(inputs, at_logits)
        else:
            super().gradients(stack, inputs, at_logits, out)

    def gradient_writer(self, stack: Mapping[str, Tensor], out: Mapping[str, Tensor]) -> Callable[[Tensor, Tensor], None] | None:
        if type(self) is not FeedForward or not ChainGradients.knows(self.layers):  # a subclass may compute something else
            return super().gradient_writer(stack, out)
        return ChainGradients(self.layers, self._chain.products, stack, out, self._n_outputs).write_of_cross_entropy

    @one_thread()
    def activations(self, stack: Mapping[str, Tensor], inputs: Tensor, before: bool = False) -> dict[str, Tensor]:
        networks, padded = len(next(iter(stack.values()))), pad_stack(stack, self.layers)
        values = {INPUT: inputs if inputs.dim() == 3 else inputs.expand(networks, *inputs.shape)}
        hidden = inputs
        for k, layer in enumerate(self.layers[:-1]):
            linear = self._chain.linear(k, padded, hidden)
            hidden = self._chain.after(k, linear.clone() if before else linear)
            values[layer.name] = (linear if before else hidden)[..., : stack[f"{layer.name}.weight"].shape[1]]
        return values

    @one_thread()
    @torch.no_grad()
    def corrected(self, stack: Mapping[str, Tensor], batches: Sequence[Tensor], corrector: Corrector) -> dict[str, Tensor]:
        """Return a stack with its hidden layers corrected in turn, in one pass: what a layer computes serves the next one."""
        tensors, padded = dict(stack), pad_stack(stack, self.layers)
        values = list(batches)
        for k, hidden in enumerate(self.hidden_layers()):
            neurons = stack[hidden.weight].shape[1]
            values = [self._chain.linear(k, padded, part) for part in values]
            correction = corrector(hidden, [part[..., :neurons] for part in values])
            if correction is not None:
                tensors |= correction.fused(hidden, stack)
                for part in values:
                    part[..., :neurons].mul_(correction.scale.to(part).unsqueeze(1)).add_(correction.shift.to(part).unsqueeze(1))
            values = [self._chain.after(k, part) for part in values]
        return tensors

    def sources(self, group: str) -> tuple[str, ...]:
        before = self.spec.axes[f"{group}.weight"][1]
        return (INPUT if before is None else before,)

    @one_thread()
    def line_logits(
        self,
        a: Mapping[str, Tensor],
        b: Mapping[str, Tensor],
        maps: Sequence[Mapping[str, Map | np.ndarray]],
        t: Tensor,
        inputs: Tensor,
    ) -> Tensor:
        orders = [permutations_of(each) for each in maps]
        if any(len(order) < len(each) for order, each in zip(orders, maps, strict=True)):
            return line_by(partial(FeedForward.forward, self), self.graph(b), a, b, maps, t, inputs)
        # The first layer is linear in t, so one product for A and one for B serve every t and every permutation.
        first = self.layers[0].name
        pair = {name: torch.stack([a[name], b[name]]) for name in a}
        padded = pad_stack(pair, self.layers)
        a, b = unstack(padded, 0), unstack(padded, 1)
        padded_orders = [{group: extend(order, len(b[f"{group}.weight"])) for group, order in each.items()} for each in orders]
        ends = self._chain.linear(0, padded, inputs)  # (2, n, m_1)
        block = min(max(1, MOST_ELEMENTS // ends[0].numel()), len(t))
        hidden = ends.new_empty(block, *ends[0].shape)  # one buffer for all: fresh memory costs more than what is done in it
        later = [name for name in self.spec.axes if not name.startswith(f"{first}.")]
        out = []
        for permutation in padded_orders:
            end_b = permute(ends[1], (None, first), permutation)
            b_later = {name: permute(b[name], self.spec.axes[name], permutation) for name in later}
            for start in range(0, len(t), block):
                part = t[start : start + block]
                stack = {name: lerp(a[name], b_later[name], part) for name in later}
                out.append(self._chain.onward(stack, lerp(ends[0], end_b, part, out=hidden[: len(part)])))
        logits = torch.cat(out)[..., : self._outputs(pair)]
        return logits.view(len(maps), len(t), *logits.shape[1:])

    @one_thread()
    def certifier(
        self, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, batch_size: int = 2000
    ) -> Callable[[Mapping[str, Tensor]], float]:
        r"""Return the layerwise certificate, for activations that are 1-Lipschitz and a linear output layer.

        .. math:: \tfrac12 (d^A_{L+1} + d^B_{L+1}), \qquad d^A_l = \|W^l_A\|_\text{op}\, d^A_{l-1} + \tfrac12 g_l, \qquad
                  g_l = \left(\mathbb E \|(W^l_{\tilde B} - W^l_A)\, c^{l-1} + b^l_{\tilde B} - b^l_A\|^2\right)^{1/2}

        where c are the activations of the midpoint network, and :math:`d^B` has B's norms, which no permutation changes.

        References
        ----------
        `certificates.layerwise_certificate`, from A's side and from B's.
        """
        after = [type(module) for layer in self.layers[:-1] for module in layer.after]
        if self.layers[-1].after or not all(kind in LIPSCHITZ for kind in after):
            return super().certifier(a, b, inputs, batch_size)
        norms = [[operator_norm(net[f"{layer.name}.weight"].double().cpu().numpy()) for layer in self.layers] for net in (a, b)]

        @one_thread()
        def bound(aligned: Mapping[str, Tensor]) -> float:
            gaps = self._layer_gaps(a, aligned, inputs, batch_size)
            return sum(layerwise_certificate(layer_norms, gaps, 0.5)[-1] for layer_norms in norms) / 2

        return bound

    @torch.no_grad()
    def _layer_gaps(self, a: Mapping[str, Tensor], b: Mapping[str, Tensor], inputs: Tensor, batch_size: int) -> list[float]:
        """Return for every layer the root mean square of the difference that B's parameters make to A's, on the midpoint's activations."""
        middle = interpolate(a, b, torch.tensor([0.5], device=inputs.device))
        difference = {name: (b[name] - a[name]).unsqueeze(0) for name in a}
        sums = [0.0] * len(self.layers)
        for batch in inputs.split(batch_size):
            hidden = self.activations(middle, batch).values()  # the input, then the hidden layers in order
            for k, values in enumerate(hidden):
                sums[k] += float(self._chain.linear(k, difference, values).double().square().sum())
        return [math.sqrt(total / len(inputs)) for total in sums]

    def module(self, parameters: Mapping[str, Tensor]) -> nn.Module:
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        for layer in self.layers:
            weight = parameters[f"{layer.name}.weight"]
            parts[layer.name] = nn.utils.skip_init(
                nn.Linear, weight.shape[1], weight.shape[0], bias=layer.has_bias, dtype=weight.dtype, device=weight.device
            )
            for k, after in enumerate(layer.after):
                parts[f"{layer.name}_after" + (f"_{k}" if k else "")] = copy.deepcopy(after)
        module = ChainModule(parts)
        module.load_state_dict(dict(parameters))
        return module.eval()

    def _outputs(self, stack: Mapping[str, Tensor]) -> int:
        """Return how many outputs a network has, without those that padding has added."""
        outputs = stack[f"{self.layers[-1].name}.weight"].shape[1]
        return outputs if self._n_outputs is None else min(outputs, self._n_outputs)
