"""Matrix products of stacks: of the networks' own numbers, or of numbers rounded to a shorter type."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


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

    def room(self, values: Tensor, empty_like: Callable[..., Tensor] = torch.empty_like) -> Tensor:
        """Return memory for values as a factor: their own, if nothing is to be rounded, else what a function makes in their shape."""
        if self.dtype is None or values.dtype == self.dtype:
            return values
        return empty_like(values, dtype=self.dtype if self.rounds_results else values.dtype)

    def factor(self, values: Tensor, room: Tensor | None = None) -> Tensor:
        """Return values as the factor of a product; in `room`, if it is given."""
        if self.dtype is None or values.dtype == self.dtype:
            return values
        rounded = values if self.rounds_results else values.to(self.dtype)
        return rounded.to(self.dtype if self.rounds_results else values.dtype) if room is None else room.copy_(rounded)

    def product(self, left: Tensor, right: Tensor, out: Tensor | None = None, room: Tensor | None = None) -> Tensor:
        """Return a product of factors in their type, or in `out`, whatever its type is; by way of `room`, if that differs."""
        if out is None or out.dtype == left.dtype:
            return torch.bmm(left, right, out=out)
        return out.copy_(torch.bmm(left, right, out=room))
