"""`repair_closed_form`: what `repair` does, from the ends alone, without computing any network between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.repair.base import RepairAt
from lmc_sweeps.repair.layer_repair import LayerRepair


@dataclass(frozen=True, kw_only=True)
class ClosedFormRepair(LayerRepair):
    r"""Repair hidden neurons by the spread that they would have if what a layer computes were a line in t too.

    .. math:: \sigma_t^2 = (1 - t)^2 \sigma_A^2 + t^2 \sigma_B^2 + 2 t (1 - t)\, \rho\, \sigma_A \sigma_B, \qquad
              \alpha = \sigma^*_t / \sigma_t, \quad \beta = (1 - \alpha)\, \mu^*_t

    with :math:`\rho` the correlation of A's neuron and B's in its place, before the activation function, over training examples. That is
    exact in the first layer, whose inputs do not depend on t; further on inputs are interpolated too, and neurons shrink more than this.

    References
    ----------
    Jordan et al. (2023), REPAIR, arXiv:2211.08403: the closed form of their notebooks, which take the correlation after the activation
    function.
    """

    name: ClassVar[str] = "repair_closed_form"
    shifts: ClassVar[bool] = True

    def between(self, architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], train: Split) -> RepairAt:
        ends = self.ends(architecture, a, b, self.batches(train), correlations=True)

        @one_thread()
        def repaired(stack: Mapping[str, Tensor], t: Tensor) -> dict[str, Tensor]:
            tensors, points = dict(stack), t.double().unsqueeze(1)
            for layer in architecture.hidden_layers():
                if not self.takes(layer) or layer.weight not in ends.mean:
                    continue
                (deviation_a, deviation_b), correlation = ends.deviation[layer.weight], ends.correlation[layer.weight]
                squares = ((1 - points) * deviation_a).square() + (points * deviation_b).square()
                variance = squares + 2 * points * (1 - points) * correlation * deviation_a * deviation_b
                target = ends.target(layer, t)
                tensors |= self.correction(t, target[0], variance.clamp_min(0).sqrt(), target).fused(layer, tensors)
            return tensors

        return repaired
