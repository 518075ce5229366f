"""`bias_norm`: biases that shrink along the line as fast as what the layers before them compute, without looking at data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.repair.base import Repair, RepairAt


@dataclass(frozen=True, kw_only=True)
class BiasNorm(Repair):
    r"""Interpolate the biases of the l-th hidden layer by powers of t, from the first layer, l = 1, on.

    .. math:: b^l_t = (1 - t)^{p l}\, b^l_A + t^{p l}\, b^l_B
    """

    name: ClassVar[str] = "bias_norm"
    power: float = 1.0

    def __post_init__(self) -> None:
        checks.number("repair.bias_norm.power", self.power, least=0.0)

    def applies(self, architecture: Architecture) -> bool:
        return any(layer.bias is not None for layer in architecture.hidden_layers())

    def between(self, architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], train: Split) -> RepairAt:
        def repaired(stack: Mapping[str, Tensor], t: Tensor) -> dict[str, Tensor]:
            tensors = dict(stack)  # the stack itself stays as it is
            for number, layer in enumerate(architecture.hidden_layers(), start=1):
                if layer.bias is not None:
                    exponent, points = self.power * number, t.to(stack[layer.bias]).unsqueeze(1)
                    tensors[layer.bias] = (1 - points) ** exponent * a[layer.bias] + points**exponent * b[layer.bias]
            return tensors

        return repaired
