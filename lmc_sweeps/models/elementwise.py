"""Elementwise activation functions: which there are, their derivatives, and which of them are 1-Lipschitz."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

ELEMENTWISE = (
    nn.ReLU, nn.Tanh, nn.GELU, nn.Sigmoid, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.Softplus, nn.Mish, nn.Hardtanh, nn.ReLU6,
    nn.Identity, nn.Dropout,
)  # fmt: skip
# From the gradient at the outputs h of an activation to the one at its inputs: the functions that autograd calls.
DERIVATIVES: Mapping[type[nn.Module], Callable[[Tensor, Tensor], Tensor]] = {
    nn.ReLU: lambda gradient, h: torch.ops.aten.threshold_backward(gradient, h, 0),
    nn.Tanh: torch.ops.aten.tanh_backward,
}
# Activations that move two inputs no further apart: |f(x) - f(y)| <= |x - y|. (GELU, SiLU, Mish and SELU have steeper places, PyTorch's
# Softplus a jump.)
LIPSCHITZ = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Hardtanh, nn.ReLU6, nn.Identity, nn.Dropout)
