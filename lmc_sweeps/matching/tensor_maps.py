"""Maps of groups as tensors that autograd differentiates: matrices, and matrices inside of heads."""

from dataclasses import dataclass

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
        (n, n); or (heads, n, n), of each head.
    """

    matrix: Tensor

    @property
    def n_a(self) -> int:  # type: ignore[override]
        return self.matrix.shape[-1]

    @property
    def n_b(self) -> int:  # type: ignore[override]
        return self.matrix.shape[-1]

    def apply(self, tensor: Tensor, axis: int, *, reads: bool = False) -> Tensor:
        if self.matrix.dim() == 3:
            return in_heads(self.matrix, tensor, axis)
        return torch.tensordot(self.matrix, tensor, dims=([1], [axis])).movedim(0, axis)
