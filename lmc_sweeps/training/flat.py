"""Tensors side by side in one buffer: an elementwise update of all of them is one call."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor


class Flat:
    """Tensors by name as views of one buffer, in the order in which they were given.

    Parameters
    ----------
    like : mapping of str to Tensor
        Shapes, type and device of the tensors; each begins where the one before it ends.

    Attributes
    ----------
    whole : Tensor, one axis
    views : dict of str to Tensor
        Contiguous, sharing their memory with `whole`.
    """

    def __init__(self, like: Mapping[str, Tensor]) -> None:
        first = next(iter(like.values()))
        sizes = [math.prod(tensor.shape) for tensor in like.values()]
        self.whole = torch.zeros(sum(sizes), dtype=first.dtype, device=first.device)
        parts = self.whole.split(sizes)
        self.views = {name: part.view(tensor.shape) for part, (name, tensor) in zip(parts, like.items(), strict=True)}

    @classmethod
    def copied(cls, tensors: Mapping[str, Tensor]) -> "Flat":
        """Return a buffer that holds a copy of `tensors`."""
        flat = cls(tensors)
        for name, tensor in tensors.items():
            flat.views[name].copy_(tensor)
        return flat

    def of_networks(self, networks: list[int]) -> list[Tensor]:
        """Return the parts that belong to some networks of a stack, the first axis of every tensor: the whole buffer if to all of them."""
        if all(len(view) == len(networks) for view in self.views.values()):
            return [self.whole]
        return [view[k] for view in self.views.values() for k in networks]
