"""A layer of a chain: linear, then elementwise activation functions; which there are, their derivatives, which are 1-Lipschitz.

And a chain of them as a module.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

ELEMENTWISE = (
    nn.ReLU, nn.Tanh, nn.GELU, nn.Sigmoid, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.Softplus, nn.Mish, nn.Hardtanh, nn.ReLU6,
    nn.Identity, nn.Dropout,
)  # fmt: skip
# In place: activation functions; and from the gradient at their outputs h to the one at their inputs, in the memory of h, by what autograd
# calls.
ACTIVATIONS: Mapping[type[nn.Module], Callable[[Tensor], Tensor]] = {nn.ReLU: torch.relu_, nn.Tanh: torch.tanh_}
DERIVATIVES: Mapping[type[nn.Module], Callable[[Tensor, Tensor], Tensor]] = {
    nn.ReLU: lambda gradient, h: torch.ops.aten.threshold_backward.grad_input(gradient, h, 0, grad_input=h),
    nn.Tanh: lambda gradient, h: torch.ops.aten.tanh_backward.grad_input(gradient, h, grad_input=h),
}
# Those that move two inputs no further apart: |f(x) - f(y)| <= |x - y|. (GELU, SiLU, Mish and SELU are steeper somewhere, PyTorch's
# Softplus has a jump.)
LIPSCHITZ = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Hardtanh, nn.ReLU6, nn.Identity, nn.Dropout)


@dataclass(frozen=True)
class Layer:
    """A linear layer: its name, whether it has a bias, and the elementwise modules that follow it."""

    name: str
    has_bias: bool
    after: tuple[nn.Module, ...] = ()

    @property
    def is_elementwise(self) -> bool:
        """Whether each output depends on one neuron alone; it does not with a softmax, or a user's module that combines several."""
        return all(type(module) in ELEMENTWISE for module in self.after)

    @property
    def is_linear(self) -> bool:
        """Whether no activation function follows, so that the outputs are coordinates, which any rotation keeps."""
        return all(type(module) in (nn.Identity, nn.Dropout) for module in self.after)


class ChainModule(nn.Sequential):
    """A chain as a module: layers one after the other, which see images (n, c, h, w) as the vectors that they are flattened to."""

    def forward(self, input: Tensor) -> Tensor:
        outputs: Tensor = super().forward(input.flatten(1) if input.dim() == 4 else input)
        return outputs
