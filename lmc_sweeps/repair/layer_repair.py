"""What repairs of hidden layers share: on which examples they look at layers, which layers these are, and what neurons should be like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture, stacked
from lmc_sweeps.models.hidden_layers import Correction, HiddenLayer, means_and_deviations
from lmc_sweeps.repair.base import Repair, RepairAt

BATCH = 2000  # examples at a time: fixed, for sums over examples have other bits in other batches
DEAD = 1e-8  # of the deviation that a neuron should have: below it there is nothing to scale


@dataclass
class EndStatistics:
    """Means and standard deviations of what hidden layers compute at both ends of a path, by layer, (2, neurons) in float64."""

    mean: dict[str, Tensor] = field(default_factory=dict)
    deviation: dict[str, Tensor] = field(default_factory=dict)
    correlation: dict[str, Tensor] = field(default_factory=dict)  # (neurons,), where it was asked for

    def target(self, layer: HiddenLayer, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return the mean and the standard deviation that the neurons of a layer should have at every t, (T, neurons).

        .. math:: \mu^*_t = (1 - t)\, \mu_A + t\, \mu_B, \qquad \sigma^*_t = (1 - t)\, \sigma_A + t\, \sigma_B
        """
        t = t.double().unsqueeze(1)
        (mean_a, mean_b), (deviation_a, deviation_b) = self.mean[layer.weight], self.deviation[layer.weight]
        return (1 - t) * mean_a + t * mean_b, (1 - t) * deviation_a + t * deviation_b


@dataclass(frozen=True, kw_only=True)
class LayerRepair(Repair):
    """Give the neurons of hidden layers the mean and the spread that lie between those at the ends.

    What a linear layer computes, before the activation function, is scaled and shifted, in the layer's own weights and biases; outputs are
    left as they are. The ends t = 0 and 1 do not change.

    Parameters
    ----------
    examples : int, optional
        Number of training examples, spread evenly, on which layers are looked at; all of them if not given.
    """

    shifts: ClassVar[bool]  # whether it also shifts, which takes a bias
    examples: int | None = 10_000

    def __post_init__(self) -> None:
        if self.examples is not None:
            checks.integer(f"repair.{self.name}.examples", self.examples, least=2)

    def applies(self, architecture: Architecture) -> bool:
        return any(self.takes(layer) for layer in architecture.hidden_layers())

    def notes(self, architecture: Architecture) -> tuple[str, ...]:
        layers = architecture.hidden_layers()
        left = [layer.weight for layer in layers if not self.takes(layer)]
        if not layers:
            return (f"{self.name}: there is no linear layer inside of the network, so nothing was repaired.",)
        if not left:
            return ()
        listed = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
        return (f"{self.name}: layers without a bias cannot be shifted and were left as they are: {listed}.",)

    def batches(self, train: Split) -> list[Tensor]:
        """Return the inputs of the examples on which layers are looked at."""
        return list(train.at_most(self.examples).inputs.split(BATCH))

    @one_thread()
    def ends(
        self,
        architecture: Architecture,
        a: Mapping[str, Tensor],
        b: Mapping[str, Tensor],
        batches: Sequence[Tensor],
        correlations: bool = False,
    ) -> EndStatistics:
        """Return the statistics of both ends."""
        ends = EndStatistics()
        shown: dict[str, list[tuple[Tensor, Tensor]]] = {}

        def note(layer: HiddenLayer, results: Sequence[Tensor]) -> Correction | None:
            shown.setdefault(layer.weight, []).append(means_and_deviations(results))
            if correlations:
                ends.correlation[layer.weight] = _correlations(results)
            return None

        is_together = correlations or architecture.corrects_at_once
        for networks in [[a, b]] if is_together else [[a], [b]]:
            architecture.corrected(stacked(networks), batches, note)
        for weight, statistics in shown.items():
            ends.mean[weight], ends.deviation[weight] = map(torch.cat, zip(*statistics, strict=True))
        return ends

    def correction(self, t: Tensor, mean: Tensor, deviation: Tensor, target: tuple[Tensor, Tensor]) -> Correction:
        r"""Return what takes neurons of some mean and standard deviation to the target, (T, neurons); nothing at t = 0 and 1.

        .. math:: \alpha = \sigma^* / \sigma, \qquad \beta = \mu^* - \alpha \mu

        with :math:`\alpha = 1` for a neuron whose activation is constant, and :math:`\beta = 0` for a repair that does not shift.
        """
        target_mean, target_deviation = target
        is_dead = (deviation == 0) | (deviation < DEAD * target_deviation)
        scale = torch.where(is_dead, 1.0, target_deviation / deviation.clamp_min(torch.finfo(torch.float64).tiny))
        shift = target_mean - scale * mean if self.shifts else torch.zeros_like(mean)
        is_end = ((t == 0) | (t == 1)).unsqueeze(1)
        return Correction(torch.where(is_end, 1.0, scale), torch.where(is_end, 0.0, shift))

    def takes(self, layer: HiddenLayer) -> bool:
        """Return whether it can repair a layer: one without a bias cannot be shifted."""
        return layer.bias is not None or not self.shifts


@dataclass(frozen=True, kw_only=True)
class ForwardRepair(LayerRepair):
    """A repair whose statistics are those of the network on the path, each layer looked at once those before it are repaired."""

    def forwards(self, passes: int, examples: int) -> int:
        return passes * min(examples, self.examples or examples)

    def between(self, architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], train: Split) -> RepairAt:
        batches = self.batches(train)
        ends = self.ends(architecture, a, b, batches)

        def together(stack: Mapping[str, Tensor], t: Tensor) -> dict[str, Tensor]:
            def corrector(layer: HiddenLayer, results: Sequence[Tensor]) -> Correction | None:
                if not self.takes(layer) or layer.weight not in ends.mean:
                    return None
                return self.correction(t, *means_and_deviations(results), ends.target(layer, t))

            return architecture.corrected(stack, batches, corrector)

        @one_thread()
        def repaired(stack: Mapping[str, Tensor], t: Tensor) -> dict[str, Tensor]:
            if architecture.corrects_at_once:
                return together(stack, t)
            # One network after the other: of each a layer's results on all batches are in memory, which of a convolution are many.
            parts = [({name: tensor[k : k + 1] for name, tensor in stack.items()}, t[k : k + 1]) for k in range(len(t))]
            results = [(part, together(part, of_t)) for part, of_t in parts]
            changed = [name for name in stack if any(after[name] is not before[name] for before, after in results)]
            return {**stack, **{name: torch.cat([after[name] for _, after in results]) for name in changed}}

        return repaired


def _correlations(results: Sequence[Tensor]) -> Tensor:
    """Return the correlation between each neuron of A and that of B in its place, (neurons,) in float64; 0 where one is constant."""
    mean, deviation = means_and_deviations(results)
    count = sum(part.shape[1] for part in results)
    products = [((part[0].double() - mean[0]) * (part[1].double() - mean[1])).sum(0) for part in results]
    covariance = torch.stack(products).sum(0) / count
    scale = deviation[0] * deviation[1]
    return torch.where(scale > 0, covariance / scale.clamp_min(torch.finfo(torch.float64).tiny), 0.0)
