"""Tensors of a stack in one buffer: an elementwise update of all of them is one call."""

import math
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from lmc_sweeps.models.padding import LINE


class Flat:
    """Tensors of a stack by name as views of one buffer, in the order in which they were given.

    Where the tensors of a network all fill cache lines, as padded ones do, they lie tensor by tensor: each is contiguous. Others lie
    network by network, each tensor of each network at the beginning of a line. Either way nothing that is done elementwise to one network
    depends on the others: its numbers are at the same places of their lines in any stack, and no vector of the processor is cut short.

    Parameters
    ----------
    like : mapping of str to Tensor, shapes (K, ...)
        Shapes, type and device of the tensors.

    Attributes
    ----------
    whole : Tensor, one axis
        With zeros between the tensors where these do not fill their lines.
    views : dict of str to Tensor
        Sharing their memory with `whole`; of one network each is contiguous.
    """

    def __init__(self, like: Mapping[str, Tensor]) -> None:
        first = next(iter(like.values()))
        self._networks = len(first)
        sizes = {name: math.prod(tensor.shape[1:]) for name, tensor in like.items()}
        lines = {name: -(-size // LINE) * LINE for name, size in sizes.items()}
        self.whole = torch.zeros(self._networks * sum(lines.values()), dtype=first.dtype, device=first.device)
        self._rows = None if lines == sizes else self.whole.view(self._networks, -1)  # (K, numbers of a network)
        if self._rows is None:
            blocks = self.whole.split([self._networks * size for size in sizes.values()])
            parts = [block.view(self._networks, -1) for block in blocks]
        else:
            parts = list(self._rows.split(list(lines.values()), dim=1))
        self._parts = dict(zip(like, parts, strict=True))
        self.views = {name: self._parts[name][:, : sizes[name]].view(tensor.shape) for name, tensor in like.items()}

    @classmethod
    def copied(cls, tensors: Mapping[str, Tensor]) -> "Flat":
        """Return a buffer that holds a copy of `tensors`."""
        flat = cls(tensors)
        for name, tensor in tensors.items():
            flat.views[name].copy_(tensor)
        return flat

    def of_networks(self, networks: list[int], names: Collection[str] | None = None) -> list[Tensor]:
        """Return the parts of `whole` that hold some networks of the stack, and of these some tensors, all if no names are given."""
        if names is None and len(networks) == self._networks:
            return [self.whole]
        if names is None and self._rows is not None:
            return [self._rows[k] for k in networks]
        return [part[k] for name, part in self._parts.items() if names is None or name in names for k in networks]
