"""Where a parameter stands in a network's products, and what reaches it there, read from the products themselves.

Neither the name nor the type of a module, nor the number of axes of a tensor, says which axis counts neurons. The product does: it sums
over one axis of the parameter and over the same one of the other factor.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
# Every product of matrices, `torch.matmul` and `torch.einsum` too, comes down to one of these; with the place of its first factor.
FIRST_FACTOR = {aten.mm: 0, aten.bmm: 0, aten.mv: 0, aten.addmm: 1, aten.baddbmm: 1, aten.addmv: 1}


@contextmanager
def products_apart() -> Iterator[None]:
    """Compute a transformer's layers by their products while it is entered: PyTorch's one kernel for all of them hides these."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


@dataclass
class Use:
    """A product in which a parameter stands.

    Parameters
    ----------
    axis : int
        The axis of the parameter that is summed over.
    rows : Tensor, shape (rows, summed)
        The other factor.
    results : Tensor, shape (rows, places of the other axis), optional
        The product, with the bias that is added to it; of a parameter of two axes and of a convolution.
    """

    axis: int
    rows: Tensor
    results: Tensor | None = None


@dataclass(frozen=True)
class _Product:
    """What was computed: of which use, in which shape, and whether its last two axes are (places of the parameter, rows)."""

    use: Use
    shape: tuple[int, ...]
    is_transposed: bool

    def rows(self, result: Tensor) -> Tensor:
        """Return a copy of a tensor of this shape as rows."""
        result = result.mT if self.is_transposed else result
        return result.reshape(-1, result.shape[-1]).clone()


class Products(TorchDispatchMode):
    """While it is entered, notes the products in which some parameters stand: `uses` by name, in the order of the products.

    Parameters
    ----------
    parameters : mapping of str to Tensor
        The very tensors that the network computes with.
    names : iterable of str
        Those to look for.
    computed : iterable of str
        Those of them of whose products the results are kept too.
    """

    def __init__(self, parameters: Mapping[str, Tensor], names: Iterable[str], computed: Iterable[str] = ()) -> None:
        super().__init__()
        self._computed = set(computed)
        self._parameters = {_storage(parameters[name]): (name, parameters[name]) for name in names}
        self._biases = {_storage(tensor) for tensor in parameters.values() if tensor.dim() == 1}
        self._products: dict[int, _Product] = {}  # by the memory of what was computed
        self.uses: dict[str, list[Use]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kind, result = func.overloadpacket, func(*args, **(kwargs or {}))
        if kind in (aten.add, aten.add_) and isinstance(args[1], Tensor):
            self._note_bias(result, *args[:2])
        self._forget(func, args, result)
        if kind is aten.convolution:
            self._note_convolution(result, *args)
        elif kind in FIRST_FACTOR:
            left, right = args[FIRST_FACTOR[kind] : FIRST_FACTOR[kind] + 2]
            columns = right.unsqueeze(-1) if right.dim() == 1 else right  # (..., m, k)
            self._note(right, max(right.dim() - 2, 0), left, result)
            self._note(left, left.dim() - 1, columns.transpose(-2, -1), result if result.dim() > 1 else None, is_transposed=True)
        return result

    def _note_bias(self, result: Tensor, *terms: Any) -> None:
        """Put the sum of a whole product and a bias in the place of the product."""
        for product, bias in (terms, terms[::-1]):
            whole = self._products.get(_storage(product)) if isinstance(product, Tensor) else None
            if whole is None or not isinstance(bias, Tensor) or _storage(bias) not in self._biases:
                continue
            # Of a part, as one of three that a layer computes side by side, or of a sum along another axis, nothing is said.
            if product.numel() == result.numel() == prod(whole.shape) and product.is_contiguous():
                whole.use.results = whole.rows(result.reshape(whole.shape))

    def _forget(self, func: Any, args: tuple[Any, ...], result: Any) -> None:
        """Drop the products whose memory holds something else from here on: it was written to, or given to a new tensor."""
        held = {_storage(argument) for argument in args if isinstance(argument, Tensor)}
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, Tensor) and (func._schema.is_mutable or _storage(tensor) not in held):
                self._products.pop(_storage(tensor), None)

    def _note(self, factor: Tensor, summed: int, other: Tensor, result: Tensor | None, is_transposed: bool = False) -> None:
        """Note a product in which `factor` may be a view of a parameter.

        `other` has what is summed over on its last axis; a transposed result has the factor's places on the last but one.
        """
        name, parameter = self._parameters.get(_storage(factor), ("", None))
        if parameter is None:
            return
        # Two axes of length 1 both fit: the last one is then summed over.
        fitting = [axis for axis in range(parameter.dim()) if _axis_of(parameter, axis) == _axis_of(factor, summed)]
        if fitting:
            use = Use(fitting[-1], other.reshape(-1, other.shape[-1]).clone())
            if name in self._computed and result is not None and parameter.dim() == 2 and factor.shape[-2:].numel() == parameter.numel():
                product = _Product(use, tuple(result.shape), is_transposed)
                use.results = product.rows(result)
                if result.is_contiguous():
                    self._products[_storage(result)] = product
            self.uses.setdefault(name, []).append(use)

    def _note_convolution(self, result: Tensor, inputs: Tensor, weight: Tensor, *settings: Any) -> None:
        is_transposed = settings[4]
        name, parameter = self._parameters.get(_storage(weight), ("", None))
        if parameter is not None and parameter.shape == weight.shape:
            results = _by_channel(result) if name in self._computed else None
            self.uses.setdefault(name, []).append(Use(0 if is_transposed else 1, _by_channel(inputs), results))


def _by_channel(tensor: Tensor) -> Tensor:
    """Return a copy of the results or inputs of a convolution, (n, c, ...), as (examples and positions, c)."""
    return tensor.movedim(1, -1).reshape(-1, tensor.shape[1]).clone()


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided else -1  # a sparse one has none


def _axis_of(tensor: Tensor, axis: int) -> tuple[int, int]:
    """Return what an axis is known by in all views of a tensor: its length and its stride (0 for an axis of one element)."""
    size = tensor.shape[axis]
    return size, tensor.stride(axis) if size > 1 else 0
