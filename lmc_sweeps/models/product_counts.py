"""What the products of a module take, counted while it runs on tensors without values."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


@dataclass
class ProductCounts:
    """The floating-point operations of all products of matrices and convolutions on one example, and the numbers in their results.

    `outputs` are the numbers in what the module returns.
    """

    operations: int = 0
    results: int = 0
    outputs: int = 0


class _Counting(TorchDispatchMode):
    """While it is entered, counts every operation for which PyTorch's counter of operations has a formula."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = ProductCounts()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        operations = flop_registry.get(func.overloadpacket)
        if operations is not None:
            self.counts.operations += operations(*args, **(kwargs or {}), out_val=result)
            self.counts.results += (result if isinstance(result, Tensor) else result[0]).numel()
        return result


def counted_products(module: nn.Module, inputs: tuple[int, ...]) -> ProductCounts | None:
    r"""Return what a module's products take for one example, or None if its code cannot be run without values.

    A product of an (m, k) and a (k, n) matrix is :math:`2 m k n` operations, and a convolution :math:`2 k_h k_w c_{in}` for each of its
    results. Attention is two products for each head, one of which has a result for each pair of positions, as in a stack.

    Parameters
    ----------
    module : nn.Module
        Not changed, and not computed with: neither memory nor time depends on its size.
    inputs : tuple of int
        The shape of one example, of numbers or, where it does not take these, of ids of tokens.
    """
    sketch = copy.deepcopy(module).to("meta").eval()
    for kind in (torch.float32, torch.int64):
        counting = _Counting()
        try:
            with torch.no_grad(), torch.device("meta"), sdpa_kernel(SDPBackend.MATH), counting:
                counting.counts.outputs = sketch(torch.empty((1, *inputs), dtype=kind)).numel()
        except Exception:  # of whatever kind: a module of anybody's, which need not take both
            continue
        return counting.counts
    return None
