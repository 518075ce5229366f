"""Matching problems with a training loss, and what that loss is halfway, evaluated along the line."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import MatchingProblem
from lmc_sweeps.measuring.evaluation import evaluate_line
from lmc_sweeps.measuring.problems import matching_problem
from lmc_sweeps.models.base import Architecture, Shape
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.torch_module import TorchModule

NEEDS = ("weights", "loss", "generator")
KINDS = ["densenet", "decoder", "gpt"]


@dataclass(frozen=True)
class LossPair:
    """Two networks and the examples that losses are taken of."""

    architecture: Architecture
    a: dict[str, Tensor]
    b: dict[str, Tensor]
    train: Split

    def problem(self, seed: int = 0) -> MatchingProblem:
        return matching_problem(self.architecture, [self.a, self.b], self.train, NEEDS, np.random.default_rng(seed))

    def midpoint_loss(self, orders: Mapping[str, np.ndarray]) -> float:
        return float(evaluate_line(self.architecture, self.a, self.b, [orders], np.array([0.5]), self.train).loss[0, 0])

    def function(self, orders: Mapping[str, np.ndarray]) -> Tensor:
        """Return the outputs of B in an order."""
        moved = self.architecture.graph(self.b).apply(self.b, orders)
        return self.architecture.forward({name: tensor.unsqueeze(0) for name, tensor in moved.items()}, self.train.inputs)


def chains(width: int, depth: int = 1, inputs: int = 5, classes: int = 3, examples: int = 60, seed: int = 0) -> LossPair:
    """Return two random multilayer perceptrons in float64."""
    shape, settings = Shape((inputs,), width, depth, classes), Mlp(initialisation="he")
    nets = [settings.initial(shape, np.random.default_rng([seed, k])) for k in range(2)]
    a, b = ({name: tensor.double() for name, tensor in net.items()} for net in nets)
    rng = np.random.default_rng(seed)
    train = Split(torch.from_numpy(rng.standard_normal((examples, inputs))), torch.from_numpy(rng.integers(0, classes, examples)))
    return LossPair(settings.architecture(shape), a, b, train)


def traced(name: str) -> LossPair:
    """Return two random networks of a kind whose groups are traced, in float64."""
    nets = []
    for seed in range(2):
        torch.manual_seed(seed)
        nets.append(NETWORKS[name].make().double().eval())
    a, b = ({key: tensor.detach() for key, tensor in net.state_dict().items() if key not in graph_of(name).tied} for net in nets)
    a, b = ({key: tensor for key, tensor in net.items() if tensor.is_floating_point()} for net in (a, b))
    inputs = NETWORKS[name].example()
    if inputs.is_floating_point():
        inputs = torch.randn((12, *inputs.shape[1:]), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    outputs = nets[0](inputs)
    labels = torch.arange(outputs[..., 0].numel()).reshape(outputs.shape[:-1]) % outputs.shape[-1]
    return LossPair(TorchModule(nets[0], graph_of(name)), a, b, Split(inputs, labels))
