"""The linear layers inside of a network, and how what they compute is scaled and shifted in their own tensors.

Such a layer computes :math:`y = W h + b` for the neurons of a hidden layer, before an activation function and before a normalisation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class HiddenLayer:
    """A linear layer whose outputs are neurons of a group.

    Parameters
    ----------
    weight : str
        Its weights; what it computes is named by them.
    axis : int
        The axis of the weights, of one network, that counts its outputs.
    bias : str, optional
        What is added to each output; None where nothing is, so that outputs cannot be shifted.
    """

    weight: str
    axis: int
    bias: str | None


@dataclass(frozen=True)
class Correction:
    r""":math:`y \mapsto \alpha y + \beta` for every network and output of a layer.

    Parameters
    ----------
    scale, shift : Tensor, shapes (K, neurons)
        :math:`\alpha` and :math:`\beta`.
    """

    scale: Tensor
    shift: Tensor

    def fused(self, layer: HiddenLayer, stack: Mapping[str, Tensor]) -> dict[str, Tensor]:
        r"""Return the tensors of a layer that computes the corrected outputs: :math:`\alpha W` and :math:`\alpha b + \beta`."""
        weight = stack[layer.weight]  # (K, ...)
        shape = [len(weight), *(1,) * (weight.dim() - 1)]
        shape[1 + layer.axis] = -1
        tensors = {layer.weight: weight * self.scale.to(weight).reshape(shape)}
        if layer.bias is not None:
            bias = stack[layer.bias]
            tensors[layer.bias] = bias * self.scale.to(bias) + self.shift.to(bias)
        return tensors


# From a layer and what it computes, one tensor (K, rows, neurons) for each batch, to its correction, or None to leave it as it is.
Corrector = Callable[[HiddenLayer, Sequence[Tensor]], Correction | None]


class WithHiddenLayers(Protocol):
    """What `corrected_in_turn` needs of an architecture."""

    def hidden_layers(self) -> tuple[HiddenLayer, ...]: ...

    def linear_results(self, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, Tensor]: ...

    def linear_result(self, weight: str, stack: Mapping[str, Tensor], inputs: Tensor) -> Tensor: ...


@torch.no_grad()
def corrected_in_turn(
    architecture: WithHiddenLayers, stack: Mapping[str, Tensor], batches: Sequence[Tensor], corrector: Corrector
) -> dict[str, Tensor]:
    """Return a stack with every hidden layer corrected, from the first to be computed to the last.

    Every layer is shown what it computes once those before it are corrected: one pass over the batches per layer.
    """
    stack = dict(stack)
    layers = {layer.weight: layer for layer in architecture.hidden_layers()}
    if not layers:
        return stack
    order = [name for name in architecture.linear_results(stack, batches[0][:2]) if name in layers]
    for name in order:
        results = [architecture.linear_result(name, stack, batch) for batch in batches]
        correction = corrector(layers[name], results)
        if correction is not None:
            stack |= correction.fused(layers[name], stack)
    return stack


def means_and_deviations(results: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    r"""Return mean and standard deviation of what a layer computes, over the rows of all batches.

    .. math:: \mu = \frac1n \sum_i y_i, \qquad \sigma^2 = \frac1n \sum_i (y_i - \mu)^2

    Parameters
    ----------
    results : sequence of Tensor, shapes (K, rows, neurons)

    Returns
    -------
    mean, deviation : Tensor, shapes (K, neurons)
        In float64.
    """
    count = sum(part.shape[1] for part in results)
    mean = reduce(torch.add, (part.sum(1, dtype=torch.float64) for part in results)) / count
    about = mean.to(results[0].dtype).unsqueeze(1)  # products about the mean do not drown in the rounding of large means
    off = mean - about[:, 0].double()
    squares = reduce(torch.add, ((part - about).square().sum(1, dtype=torch.float64) for part in results)) / count
    return mean, (squares - off.square()).clamp_min(0).sqrt()
