"""Orthogonal maps of the coordinates inside of attention heads, another one in each head."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.permutations import inverse
from lmc_sweeps.symmetry.maps import Map, has_orthonormal_rows


@dataclass(frozen=True, eq=False)
class InHeads(Map):
    """Orthogonal matrices Q_h, (heads, n, n), one for each head of A: its coordinates are those of the head of B in its place, by Q_h.

    R = C = Q_h. It maps a factor of an axis behind the factor that counts the heads, whose own order is changed before. Like `Orthogonal`
    it keeps the function only where no activation function acts on single coordinates, as in the products of queries and keys.
    """

    matrices: np.ndarray

    def __post_init__(self) -> None:
        matrices = np.asarray(self.matrices)
        if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2] or not all(map(has_orthonormal_rows, matrices)):
            raise InputError(
                f"a map inside of heads must be matrices (heads, n, n) with Q Q' = 1 in each head, got shape {matrices.shape}."
            )

    @property
    def n_a(self) -> int:  # type: ignore[override]
        return int(self.matrices.shape[1])

    @property
    def n_b(self) -> int:  # type: ignore[override]
        return self.n_a

    def apply(self, tensor: Tensor, axis: int, *, reads: bool = False) -> Tensor:
        return in_heads(torch.as_tensor(self.matrices, dtype=tensor.dtype, device=tensor.device), tensor, axis)

    def of_reordered(self, order: np.ndarray) -> "InHeads":
        return InHeads(self.matrices[:, :, inverse(order)])

    def inverse(self) -> "InHeads":
        """Return the map that undoes this one while the heads stay in their places."""
        return InHeads(self.matrices.swapaxes(1, 2))


def in_heads(matrices: Tensor, tensor: Tensor, axis: int) -> Tensor:
    """Return a tensor with the coordinates on an axis mapped by one matrix of (heads, n_a, n_b) for each head, on the axis before."""
    if axis < 1 or tensor.shape[axis - 1] != len(matrices):
        raise InputError(
            f"coordinates of {len(matrices)} heads must be on the axis behind these, got axis {axis} of {tuple(tensor.shape)}."
        )
    by_head = tensor.movedim((axis - 1, axis), (0, 1))
    mapped = torch.bmm(matrices, by_head.flatten(2) if by_head.dim() > 2 else by_head.unsqueeze(2))
    return mapped.reshape(len(matrices), matrices.shape[1], *by_head.shape[2:]).movedim((0, 1), (axis - 1, axis))
