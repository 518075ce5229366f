"""Lines between networks with what their hidden layers compute, for the tests of repairs: a perceptron, and convolutions traced from a module."""

from collections.abc import Mapping

import torch
from normalised_networks import by_hand, drawn, normal, tensors
from torch import Tensor, nn

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.measuring.paths import Line
from lmc_sweeps.models.base import Architecture, Shape, stacked
from lmc_sweeps.models.hidden_layers import means_and_deviations
from lmc_sweeps.models.mlp import Mlp

T = torch.tensor([0.0, 0.25, 0.5, 0.8, 1.0], dtype=torch.float64)
N = 90


def perceptron(bias: bool = True) -> tuple[Line, Split]:
    """Return a line between perceptrons of three hidden layers in float64, with training data."""
    shape, model = Shape((7,), 12, 3, 4), Mlp(bias=bias, initialisation="he")
    a, b = ({name: tensor.double() for name, tensor in model.initial(shape, generator(k, "line")).items()} for k in (0, 1))
    return Line(model.architecture(shape), a, b), Split(normal(N, 7), torch.zeros(N, dtype=torch.long))


def pooled() -> nn.Module:
    """Return two convolutions and a linear layer behind a pooling, all with biases, and a linear layer of outputs."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3),
    )  # fmt: skip


AXES = {
    "0.weight": ("one", None, None, None), "0.bias": ("one",), "2.weight": ("two", "one", None, None), "2.bias": ("two",),
    "6.weight": ("three", "two"), "6.bias": ("three",), "8.weight": (None, "three"), "8.bias": (None,),
}  # fmt: skip


def convolutional() -> tuple[Line, Split]:
    """Return a line between networks of convolutions in float64, with training data."""
    a, b = (tensors(drawn(pooled, seed)) for seed in (0, 1))
    return Line(by_hand(pooled().double(), AXES), a, b), Split(normal(N, 2, 8, 8), torch.zeros(N, dtype=torch.long))


def targets(line: Line, inputs: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Return by layer the mean and the standard deviation between those at the ends, at every t."""
    ends = moments(line.architecture, stacked([line.a, line.b]), inputs)
    t = T.unsqueeze(1)
    return {name: tuple((1 - t) * values[0] + t * values[1] for values in both) for name, both in ends.items()}


def moments(architecture: Architecture, stack: Mapping[str, Tensor], inputs: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Return by layer the mean and the standard deviation of what it computes, (T, neurons)."""
    return {name: means_and_deviations([results]) for name, results in architecture.linear_results(stack, inputs).items()}
