"""Padding: every matrix of a stack begins at the start of a cache line, so that its products have the same bits in any place of any stack.

It is for chains whose added neurons hand on 0 and whose added outputs nobody reads; other architectures are trained as they are.

Measured: MKL's products depend on the address of a matrix modulo its vector length. Where a row count or a column count is no multiple of
that, the second network of a stack begins at another address than a network alone, and its results differ in the last bit.
"""

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Size, Tensor

LINE = 16  # float32 values in a cache line of 64 bytes, the longest vector of today's CPUs


def pad(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's tensors with every axis filled up to a multiple of `LINE` by zeros.

    The neurons added have no incoming and no outgoing weight. With an activation that maps 0 to 0 they hand on 0, and every
    gradient of their weights is 0: training leaves them as they are, and the network computes the same function.
    """
    return {name: pad_axes(tensor, range(tensor.dim())) for name, tensor in tensors.items()}


def pad_axes(tensor: Tensor, axes: Sequence[int]) -> Tensor:
    """Return a tensor with some of its axes filled up to a multiple of `LINE` by zeros."""
    missing = [(-size) % LINE if axis in axes else 0 for axis, size in enumerate(tensor.shape)]
    return F.pad(tensor, [amount for extra in reversed(missing) for amount in (0, extra)]) if any(missing) else tensor


def unpad(tensors: Mapping[str, Tensor], shapes: Mapping[str, Size]) -> dict[str, Tensor]:
    """Return the part of padded tensors that a network of these shapes has."""
    return {name: tensor[tuple(slice(size) for size in shapes[name])].contiguous() for name, tensor in tensors.items()}
