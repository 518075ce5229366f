"""A module's hidden layers corrected while it computes: one pass, where layer after layer takes as many passes as there are layers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from lmc_sweeps.models.hidden_layers import Corrector, HiddenLayer
from lmc_sweeps.models.sites import aten, products_apart

MOST_BYTES = 2**29  # of the results of one layer: a network at work holds several tensors of that size


class CorrectedProducts(TorchDispatchMode):
    """While it is entered, corrects what hidden layers of one network compute, before anything else sees it.

    Only results that one call makes with their bias in it are seen: of convolutions, and of products of matrices.

    Parameters
    ----------
    parameters : mapping of str to Tensor
        The very tensors that the network computes with.
    layers : sequence of HiddenLayer
    corrector : Corrector
        Shown what a layer computes, (1, rows, neurons).

    Attributes
    ----------
    tensors : dict of str to Tensor
        Those that corrections have changed, with an axis of the stack.
    uses : Counter
        How often the results of each layer were shown, by its weights, in the order in which they were computed.
    largest : int
        The numbers of the largest results.
    """

    def __init__(self, parameters: Mapping[str, Tensor], layers: Sequence[HiddenLayer], corrector: Corrector) -> None:
        super().__init__()
        self._layers = {parameters[layer.weight].data_ptr(): layer for layer in layers}
        self._parameters, self._corrector = parameters, corrector
        self.tensors: dict[str, Tensor] = {}
        self.uses: Counter[str] = Counter()
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kind, result = func.overloadpacket, func(*args, **(kwargs or {}))
        if kind is aten.convolution:
            weight, bias, is_transposed = args[1], args[2], args[6]
            self._correct(weight, bias, 1 if is_transposed else 0, result)
        elif kind is aten.addmm and not kwargs:
            self._correct(args[2].T, args[0], 0, result)
        elif kind is aten.mm:
            self._correct(args[1].T, None, 0, result)
        return result

    def _correct(self, weight: Tensor, bias: Tensor | None, axis: int, result: Tensor) -> None:
        """Correct a result, (examples, neurons, ...), of a factor that may be the weights of a layer with its neurons on this axis."""
        layer = self._layers.get(weight.data_ptr())
        if layer is None or layer.axis != axis or not self._is_parameter(weight, layer.weight) or not self._is_parameter(bias, layer.bias):
            return
        self.uses[layer.weight] += 1
        self.largest = max(self.largest, result.numel())
        correction = self._corrector(layer, [result.movedim(1, -1).reshape(1, -1, result.shape[1])])
        if correction is None:
            return
        self.tensors |= correction.fused(layer, {name: self._parameters[name].unsqueeze(0) for name in (layer.weight, layer.bias) if name})
        shape = (1, -1, *(1,) * (result.dim() - 2))
        result.mul_(correction.scale.to(result).view(shape))
        if layer.bias is not None:  # without one, nothing can be shifted: the tensors have no place for it
            result.add_(correction.shift.to(result).view(shape))

    def _is_parameter(self, tensor: Tensor | None, name: str | None) -> bool:
        """Return whether a tensor is a whole parameter; without a name, whether there is no tensor."""
        if tensor is None or name is None:
            return tensor is None and name is None
        return _memory_of(tensor) == _memory_of(self._parameters[name])


def _memory_of(tensor: Tensor) -> tuple[Any, ...]:
    """Return what two tensors have in common that are the same numbers in the same memory."""
    return tensor.data_ptr(), tensor.shape, tensor.stride()


@torch.no_grad()
def corrected_on_the_way(
    module: nn.Module,
    network: Mapping[str, Tensor],
    layers: Sequence[HiddenLayer],
    batches: Sequence[Tensor],
    corrector: Corrector,
    expected: Sequence[str],
) -> dict[str, Tensor] | None:
    """Return the tensors of a network that are changed when its hidden layers are corrected, in one pass over all batches together.

    Parameters
    ----------
    module : Module
    network : mapping of str to Tensor
    layers : sequence of HiddenLayer
    batches : sequence of Tensor
    corrector : Corrector
    expected : sequence of str
        The weights of the layers that are to be corrected.

    Returns
    -------
    dict of str to Tensor, or None
        With an axis of the stack. None where it cannot be done so: the results of a layer come about in several calls, or in one with
        other numbers, or they are too large to be held for all batches at once.
    """
    two = batches[0][:2]
    chosen = [layer for layer in layers if layer.weight in expected]
    with products_apart(), CorrectedProducts(network, chosen, lambda layer, results: None) as looked_at:
        functional_call(module, dict(network), (two.clone(),))
    examples = sum(map(len, batches))
    if looked_at.uses != Counter(expected) or 4 * looked_at.largest * examples > MOST_BYTES * len(two):
        return None
    with products_apart(), CorrectedProducts(network, chosen, corrector) as corrected:
        functional_call(module, dict(network), (torch.cat(list(batches)),))
    return corrected.tensors
