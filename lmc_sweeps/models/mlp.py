"""`mlp`: the multilayer perceptron, `depth` hidden layers of `width` neurons."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from lmc_sweeps.common import checks
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.models.base import Model, Shape
from lmc_sweeps.models.feed_forward import FeedForward, Layer

INITIALISATIONS = ("pytorch", "he", "lecun", "gaussian", "uniform", "low_dimensional")
# Each maps 0 to 0, which padding relies on.
ACTIVATION_FUNCTIONS: Mapping[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}
# Standard deviation of a standard normal cut off at ±2: dividing by it gives the drawn weights the variance that is asked for.
TRUNCATED_STD = 0.87962566103423978


@dataclass(frozen=True, kw_only=True)
class Mlp(Model):
    r"""Settings of a multilayer perceptron.

    `initialisation` draws the weights of a layer with n inputs (its *fan-in*) as

    - ``pytorch``: weights and biases uniform on :math:`\pm 1/\sqrt n`, the default of `torch.nn.Linear`;
    - ``he``: weights :math:`\mathcal N(0, 2/n)`, biases 0 (He et al. 2015);
    - ``lecun``: weights normal, cut off at ±2 standard deviations, variance 1/n, biases 0: Flax's default and the paper's;
    - ``gaussian``: weights :math:`\mathcal N(0, 1/n)`, biases 0: the law of the paper's theorem 5.2;
    - ``uniform``: weights uniform on :math:`\pm \sqrt{3/n}`, variance 1/n, biases 0: the paper's sub-Gaussian case;
    - ``low_dimensional``: the first layer's weights near a subspace of dimension k, `intrinsic_dimension`,

      .. math:: w_i = U z_i / \sqrt k + \eta\, \xi_i / \sqrt n, \qquad z_i \sim \mathcal N(0, I_k), \quad \xi_i \sim \mathcal N(0, I_n)

      with :math:`U^\top U = I_k` drawn once from `law_seed`: it belongs to the law, so all networks of all seeds share it.
      :math:`\eta` is the `noise`: two neurons that agree on the subspace are :math:`2\eta^2` apart in the mean square. The other layers are
      ``gaussian``: the neurons that feed them have no order, so no subspace of theirs is common to two networks. Biases are 0.
    """

    name: ClassVar[str] = "mlp"
    activation: str = "relu"
    bias: bool = True
    initialisation: str = "pytorch"
    intrinsic_dimension: int = 2
    noise: float = 0.0
    law_seed: int = 0

    def __post_init__(self) -> None:
        checks.one_of("model.activation", self.activation, ACTIVATION_FUNCTIONS)
        checks.boolean("model.bias", self.bias)
        checks.one_of("model.initialisation", self.initialisation, INITIALISATIONS)
        checks.integer("model.intrinsic_dimension", self.intrinsic_dimension)
        object.__setattr__(self, "noise", checks.number("model.noise", self.noise, least=0.0))
        checks.integer("model.law_seed", self.law_seed, least=0, below=2**64)

    def check_shape(self, shape: Shape) -> None:
        if self.initialisation == "low_dimensional" and self.intrinsic_dimension > shape.n_inputs:
            raise checks.InputError(
                f"`model.intrinsic_dimension` must be at most the number of inputs ({shape.n_inputs}), got {self.intrinsic_dimension}."
            )

    def architecture(self, shape: Shape) -> FeedForward:
        hidden = [Layer(f"hidden_{k}", self.bias, (ACTIVATION_FUNCTIONS[self.activation](),)) for k in range(1, shape.depth + 1)]
        return FeedForward([*hidden, Layer("output", self.bias)], n_outputs=shape.classes)

    @one_thread()
    def initial(self, shape: Shape, rng: np.random.Generator) -> dict[str, Tensor]:
        parameters: dict[str, Tensor] = {}
        for name, (fan_out, fan_in) in _layers(shape).items():
            bound = 1 / math.sqrt(fan_in)
            subspace = self.initialisation == "low_dimensional" and name == "hidden_1"
            weights = self._near_subspace(rng, fan_out, fan_in) if subspace else self._weights(rng, fan_out, fan_in)
            parameters[f"{name}.weight"] = torch.from_numpy(weights.astype(np.float32))
            if self.bias:
                bias = rng.uniform(-bound, bound, fan_out) if self.initialisation == "pytorch" else np.zeros(fan_out)
                parameters[f"{name}.bias"] = torch.from_numpy(bias.astype(np.float32))
        return parameters

    def tensor_sizes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        if type(self).initial is not Mlp.initial:  # a subclass that draws other tensors
            return super().tensor_sizes(shape)
        sizes: dict[str, tuple[int, ...]] = {}
        for name, size in _layers(shape).items():
            sizes[f"{name}.weight"] = size
            if self.bias:
                sizes[f"{name}.bias"] = size[:1]
        return sizes

    def _weights(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> np.ndarray:
        scale = 1 / math.sqrt(fan_in)
        if self.initialisation == "pytorch":
            return rng.uniform(-scale, scale, (fan_out, fan_in))
        if self.initialisation == "uniform":
            return rng.uniform(-math.sqrt(3) * scale, math.sqrt(3) * scale, (fan_out, fan_in))
        draws = rng.standard_normal((fan_out, fan_in))
        if self.initialisation == "he":
            return math.sqrt(2) * scale * draws
        if self.initialisation in ("gaussian", "low_dimensional"):
            return scale * draws
        while (outside := np.abs(draws) > 2).any():
            draws[outside] = rng.standard_normal(int(outside.sum()))
        return scale / TRUNCATED_STD * draws

    def _near_subspace(self, rng: np.random.Generator, fan_out: int, fan_in: int) -> np.ndarray:
        k = self.intrinsic_dimension
        law = generator(self.law_seed, "low_dimensional")
        basis = np.linalg.qr(law.standard_normal((fan_in, k)))[0]  # (n, k)
        inside = rng.standard_normal((fan_out, k)) @ basis.T / math.sqrt(k)
        return inside + self.noise / math.sqrt(fan_in) * rng.standard_normal((fan_out, fan_in))


def _layers(shape: Shape) -> dict[str, tuple[int, int]]:
    """Return the fan-out and the fan-in of every layer by name, in order."""
    names = [*(f"hidden_{k}" for k in range(1, shape.depth + 1)), "output"]
    neurons = [shape.n_inputs, *[shape.width] * shape.depth, shape.classes]
    return {name: (fan_out, fan_in) for name, fan_in, fan_out in zip(names, neurons[:-1], neurons[1:], strict=True)}
