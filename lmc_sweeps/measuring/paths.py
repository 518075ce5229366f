"""Paths between two networks: from values of t to networks, or to outputs where no network is between the two."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.maths.interpolation import interpolate, lerp
from lmc_sweeps.models.base import Architecture, stacked
from lmc_sweeps.repair.base import Repair, RepairAt

MOST_NETWORKS = 8  # at once: a stack's activations are in memory together
MOST_NUMBERS = 2**25  # of the weights of the networks at once: 128 MiB in float32

Outputs = Callable[[Tensor], Tensor]  # from inputs (n, ...) to outputs (T, n, ...)


class Path(ABC):
    """From A, at t = 0, to B, at t = 1; B is mapped already."""

    architecture: Architecture

    @abstractmethod
    def outputs(self, t: Tensor) -> Outputs:
        """Return the function of the inputs, (n, ...), whose values are the outputs at every t, (T, n, ...); t has shape (T,)."""

    def points_at_once(self) -> int | None:
        """Return for how many values of t outputs may be computed together, to bound memory; None: for all."""
        return None


class WeightPath(Path):
    """A path of networks."""

    @abstractmethod
    def at(self, t: Tensor) -> dict[str, Tensor]:
        """Return the stack of networks at every t, tensors (T, ...); t has shape (T,)."""

    def outputs(self, t: Tensor) -> Outputs:
        return partial(self.architecture.forward, self.at(t))

    def points_at_once(self) -> int | None:
        return max(1, min(MOST_NETWORKS, MOST_NUMBERS // max(1, self._numbers())))

    @abstractmethod
    def _numbers(self) -> int:
        """Return how many numbers one network's tensors have."""


@dataclass(frozen=True)
class Line(WeightPath):
    r"""The straight line, :math:`\theta_t = (1 - t)\,\theta_A + t\,\theta_B`.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Networks A and (mapped) B.
    """

    architecture: Architecture
    a: Mapping[str, Tensor]
    b: Mapping[str, Tensor]

    def at(self, t: Tensor) -> dict[str, Tensor]:
        return interpolate(self.a, self.b, t)

    def outputs(self, t: Tensor) -> Outputs:
        """Return the outputs at every t by the architecture's own way along a line, which may be faster than a stack of networks."""
        return lambda inputs: self.architecture.line_logits(self.a, self.b, [{}], t, inputs)[0]

    def points_at_once(self) -> int | None:
        return None  # line_logits bounds its memory itself

    def _numbers(self) -> int:
        return _size(self.a)


@dataclass(frozen=True)
class LayerSubset(WeightPath):
    r"""The line of some layers only, while the others stay those of one end.

    .. math:: \theta_t^k = (1 - t)\,\theta_A^k + t\,\theta_B^k \quad (k \text{ in the subset}), \qquad \theta_t^k = \theta_{\text{base}}^k

    At one end the network is a chimera of both, so the loss there is neither A's nor B's, and base A differs from base B: both are
    reported. The layerwise barrier subtracts the chord of the two full networks' losses (`barriers` with these ends), not that of the
    chimera. In the last layer alone the cross-entropy is convex along the path.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Networks A and (mapped) B.
    names : sequence of str
        The tensors that move, e.g. those of a layer (`layers`).
    base : str
        ``"a"`` or ``"b"``: where the other tensors stay.

    References
    ----------
    Adilova et al. (2023), Layer-wise linear mode connectivity, arXiv:2307.06966.
    """

    architecture: Architecture
    a: Mapping[str, Tensor]
    b: Mapping[str, Tensor]
    names: Sequence[str]
    base: str = "a"

    def __post_init__(self) -> None:
        checks.one_of("base", self.base, ("a", "b"))
        for name in self.names:
            checks.one_of("names", name, self.a)

    def at(self, t: Tensor) -> dict[str, Tensor]:
        base = self.a if self.base == "a" else self.b
        moving = interpolate({name: self.a[name] for name in self.names}, self.b, t)
        return {name: moving[name] if name in moving else tensor.expand(len(t), *tensor.shape) for name, tensor in base.items()}

    def _numbers(self) -> int:
        return _size(self.a)


@dataclass(frozen=True)
class OutputEnsemble(Path):
    r"""The control that mixes outputs, not weights: :math:`z_t(x) = (1 - t)\, z_A(x) + t\, z_B(x)`, a mean of logits.

    A permutation of B's neurons does not change it. The cross-entropy of the mean logits is at most the mean of the ends' (it is convex in
    the logits). A mean of probabilities is another control.

    Parameters
    ----------
    architecture : Architecture
    a, b : mapping of str to Tensor
        Networks A and B.
    """

    architecture: Architecture
    a: Mapping[str, Tensor]
    b: Mapping[str, Tensor]

    def outputs(self, t: Tensor) -> Outputs:
        ends = stacked([self.a, self.b])

        def mixed(inputs: Tensor) -> Tensor:
            a, b = self.architecture.forward(ends, inputs)
            return lerp(a, b, t)

        return mixed


class Repaired(WeightPath):
    """A path whose networks are repaired at every t; the ends too where a repair changes these, so that a chord between them is a fair one.

    What a repair has changed at some values of t is kept, for the next split that is evaluated there.

    Parameters
    ----------
    path : WeightPath
    repair : Repair
        Where it does not apply to networks of this kind, the path is as it was, to the bit.
    train : Split
        All that the repair may look at.
    """

    def __init__(self, path: WeightPath, repair: Repair, train: Split) -> None:
        self.architecture = path.architecture
        self._path, self._repair, self._train = path, repair, train
        self._changed: dict[tuple[float, ...], dict[str, Tensor]] = {}

    def at(self, t: Tensor) -> dict[str, Tensor]:
        stack, points = self._path.at(t), tuple(t.tolist())
        if points not in self._changed:
            repaired = self._repaired_at(stack, t)
            self._changed[points] = {name: tensor for name, tensor in repaired.items() if tensor is not stack[name]}
        return {**stack, **self._changed[points]}

    def outputs(self, t: Tensor) -> Outputs:
        return super().outputs(t) if self._applies else self._path.outputs(t)

    def points_at_once(self) -> int | None:
        return super().points_at_once() if self._applies else self._path.points_at_once()

    @cached_property
    def _repaired_at(self) -> RepairAt:
        ends = self._path.at(torch.tensor([0.0, 1.0], dtype=torch.float64, device=self._train.inputs.device))
        a, b = ({name: tensor[k] for name, tensor in ends.items()} for k in (0, 1))
        return self._repair.between(self.architecture, a, b, self._train)

    @cached_property
    def _applies(self) -> bool:
        return self._repair.applies(self.architecture)

    def _numbers(self) -> int:
        return self._path._numbers()


def layers(tensors: Mapping[str, Tensor]) -> dict[str, tuple[str, ...]]:
    """Return the names of the tensors of every layer: those that differ in what stands after the last dot only.

    Examples
    --------
    >>> layers({"one.weight": Tensor(), "one.bias": Tensor(), "two.weight": Tensor()})
    {'one': ('one.weight', 'one.bias'), 'two': ('two.weight',)}
    """
    names: dict[str, tuple[str, ...]] = {}
    for name in tensors:
        layer = name.rpartition(".")[0]
        names[layer] = (*names.get(layer, ()), name)
    return names


def _size(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors.values())
