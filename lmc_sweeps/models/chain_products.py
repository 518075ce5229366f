"""What a chain of linear layers computes for a stack: layers one after the other, and gradients by hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps.models.chain_layer import DERIVATIVES, Layer
from lmc_sweeps.models.products import Products, Workspace


@dataclass(frozen=True)
class Chain:
    """Layers of a stack of K networks, and how their matrices are multiplied."""

    layers: Sequence[Layer]
    products: Products = Products()

    def linear(
        self, k: int, stack: Mapping[str, Tensor], inputs: Tensor, weight: Tensor | None = None, workspace: Workspace | None = None
    ) -> Tensor:
        """Return z^k, (K, n, m_k), of inputs, (K, n, m_{k-1}) or those of all networks; the weight may be given as a factor."""
        layer, products = self.layers[k], self.products
        own = stack[f"{layer.name}.weight"]  # (K, m_k, m_{k-1})
        transposed = (products.factor(own) if weight is None else weight).transpose(1, 2)
        inputs = products.factor(inputs)
        if inputs.dim() == 2:
            inputs = inputs.expand(len(own), *inputs.shape)  # (n, d) -> (K, n, d), no copy
        bias = stack[f"{layer.name}.bias"].unsqueeze(1) if layer.has_bias else None
        if bias is not None and products.dtype is None:
            return torch.baddbmm(bias, inputs, transposed)
        values = (workspace or Workspace()).widened(products.product(inputs, transposed), like=own)
        return values if bias is None else values.add_(bias)

    def after(self, k: int, values: Tensor) -> Tensor:
        """Return what follows linear layer k; `values`, which are used nowhere else, may be overwritten."""
        for position, module in enumerate(self.layers[k].after):
            values = values.relu_() if position == 0 and type(module) is nn.ReLU else module(values)
        return values

    def onward(self, stack: Mapping[str, Tensor], first: Tensor) -> Tensor:
        """Return the last layer's outputs from what the first linear layer computes."""
        values = self.after(0, first)
        for k in range(1, len(self.layers)):
            values = self.after(k, self.linear(k, stack, values))
        return values

    @property
    def has_gradients(self) -> bool:
        """Whether `write_gradients` knows the derivative of everything in it."""
        *hidden, output = [[type(module) for module in layer.after] for layer in self.layers]
        return not output and all(len(kind) == 1 and kind[0] in DERIVATIVES for kind in hidden)

    def write_gradients(
        self,
        stack: Mapping[str, Tensor],
        inputs: Tensor,
        at_logits: Callable[[Tensor], Tensor],
        out: Mapping[str, Tensor],
        n_outputs: int | None = None,
    ) -> None:
        """Write the gradients of a loss, by hand: a narrow network's step is over before autograd has noted what to do.

        Parameters
        ----------
        stack : mapping of str to Tensor
        inputs : Tensor, shape (K, n, d)
        at_logits : callable
            From logits, (K, n, `n_outputs`), to the gradient there.
        out : mapping of str to Tensor
        n_outputs : int, optional
            Outputs beyond these, which padding has added, are left out.
        """
        factor, product, workspace = self.products.factor, self.products.product, Workspace()
        kinds = [type(layer.after[0]) for layer in self.layers[:-1]]
        weights = [factor(stack[f"{layer.name}.weight"]) for layer in self.layers]
        factors = [factor(inputs)]
        hidden = [factors[0]]  # h^0, h^1, ...; of a ReLU's the sign is needed, which its factor has (but of numbers below 1e-40)
        for k, kind in enumerate(kinds):
            values = self.after(k, self.linear(k, stack, factors[k], weights[k], workspace if kind is nn.ReLU else None))
            factors.append(factor(values))
            hidden.append(factors[-1] if kind is nn.ReLU else values)
        logits = self.linear(len(kinds), stack, factors[-1], weights[-1])
        gradient = at_logits(logits[..., :n_outputs])
        gradient = F.pad(gradient, (0, logits.shape[-1] - gradient.shape[-1]))
        for k in range(len(kinds), -1, -1):
            layer, backward = self.layers[k], factor(gradient)
            product(backward.transpose(1, 2), factors[k], out=out[f"{layer.name}.weight"])
            if layer.has_bias:
                bias = out[f"{layer.name}.bias"]
                torch.sum(workspace.widened(gradient, like=bias), 1, out=bias)
            if k:
                gradient = Workspace().widened(product(backward, weights[k]), like=hidden[k])
                gradient = DERIVATIVES[kinds[k - 1]](gradient, hidden[k])
