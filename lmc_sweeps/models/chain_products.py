"""What a chain of linear layers computes for a stack: layers one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lmc_sweeps.models.chain_layer import Layer
from lmc_sweeps.models.products import Products


@dataclass(frozen=True)
class Chain:
    """Layers of a stack of K networks, and how their matrices are multiplied."""

    layers: Sequence[Layer]
    products: Products = Products()

    def linear(self, k: int, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        """Return z^k, (K, n, m_k), of inputs, (K, n, m_{k-1}) or those of all networks."""
        layer, products = self.layers[k], self.products
        own = stack[f"{layer.name}.weight"]  # (K, m_k, m_{k-1})
        transposed, inputs = products.factor(own).transpose(1, 2), products.factor(inputs)
        if inputs.dim() == 2:
            inputs = inputs.expand(len(own), *inputs.shape)  # (n, d) -> (K, n, d), no copy
        bias = stack[f"{layer.name}.bias"].unsqueeze(1) if layer.has_bias else None
        if bias is not None and products.dtype is None:
            return torch.baddbmm(bias, inputs, transposed)
        values = products.product(inputs, transposed).to(own.dtype)
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
