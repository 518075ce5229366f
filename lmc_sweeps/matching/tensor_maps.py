"""Maps of groups as tensors that autograd differentiates: matrices, and matrices inside of heads."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.symmetry.head_maps import in_heads
from lmc_sweeps.symmetry.maps import Map


@dataclass(frozen=True, eq=False)
class TensorMap(Map):
    """A matrix P: neuron i of A gets the sum of B's neurons with weights ``P[i]``, on both sides.

    Parameters
    ----------
    matrix : Tensor
        (n, n); or (heads, n, n), of each head; or (heads, n, heads, n), from all coordinates of all heads of B to those of A, where the
        heads have no map of their own.
    """

    matrix: Tensor

    @property
    def n_a(self) -> int:  # type: ignore[override]
        return self.matrix.shape[-1]

    @property
    def n_b(self) -> int:  # type: ignore[override]
        return self.matrix.shape[-1]

    def apply(self, tensor: Tensor, axis: int, *, reads: bool = False) -> Tensor:
        match self.matrix.dim():
            case 2:
                return torch.tensordot(self.matrix, tensor, dims=([1], [axis])).movedim(0, axis)
            case 3:
                return in_heads(self.matrix, tensor, axis)
            case _:
                return torch.tensordot(self.matrix, tensor, dims=([2, 3], [axis - 1, axis])).movedim((0, 1), (axis - 1, axis))


def tensor_maps(values: Mapping[str, np.ndarray]) -> dict[str, TensorMap | np.ndarray]:
    """Return maps by group that the graph applies: orders as they are, which is faster, and matrices."""
    return {group: array if array.ndim == 1 else TensorMap(torch.from_numpy(array)) for group, array in values.items()}
