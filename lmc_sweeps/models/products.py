"""Matrix products of stacks: of the networks' own numbers, or of numbers rounded to a shorter type."""

from dataclasses import dataclass, field

import torch
from torch import Size, Tensor


@dataclass(frozen=True)
class Products:
    """How a stack's matrices are multiplied, (K, a, b) @ (K, b, c) -> (K, a, c).

    A number that is a factor of several products is rounded once: `factor` is for what stays, `product` takes factors.

    Parameters
    ----------
    dtype : torch.dtype, optional
        To which factors are rounded; they stay as they are if not given.
    rounds_results : bool
        Whether results are rounded to it too, as by units that multiply this type. Otherwise they are float32's: a product of two numbers
        of 8 bits is exact there, so only the factors are rounded, as TPUs do.
    """

    dtype: torch.dtype | None = None
    rounds_results: bool = True

    def factor(self, values: Tensor) -> Tensor:
        """Return values as the factor of a product."""
        if self.dtype is None:
            return values
        rounded = values.to(self.dtype)
        return rounded if self.rounds_results else rounded.to(values.dtype)

    def product(self, left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
        """Return a product of factors in their type, or in `out`, whatever its type is."""
        if out is None or out.dtype == left.dtype:
            return torch.bmm(left, right, out=out)
        return out.copy_(torch.bmm(left, right))


@dataclass(frozen=True)
class Workspace:
    """Memory in which rounded results become the networks' own numbers again.

    One size of it serves every layer of a step: writing to memory that is not near the core takes longer than what is computed there. So
    what `widened` returns holds until it is called again with such a size.
    """

    _buffers: dict[Size, Tensor] = field(default_factory=dict)

    def widened(self, values: Tensor, like: Tensor) -> Tensor:
        """Return values in the type of another tensor: themselves, if they have it."""
        if values.dtype == like.dtype:
            return values
        if values.shape not in self._buffers:
            self._buffers[values.shape] = torch.empty(values.shape, dtype=like.dtype, device=values.device)
        return self._buffers[values.shape].copy_(values)
