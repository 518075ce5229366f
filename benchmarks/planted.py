"""Planted permutations: how often each matching method finds a random relabeling again, on plain and residual networks.

Network B is A with every group relabelled at random, exactly or with noise: Gaussian, of 0.3 times the standard deviation of each tensor's
entries. Weights and biases are Gaussian, of variance 1 over the length of their last axis; nothing is trained. Methods that look at data
see 2,000 standard normal examples, labelled by A's own answers.
The networks are plain multilayer perceptrons, and residual ones whose blocks share one stream, of which most weights say nothing until the
stream itself is matched.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lmc_sweeps import matching
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.measuring.problems import matching_problem, solved
from lmc_sweeps.models.base import Architecture, stacked
from lmc_sweeps.models.sequential import from_sequential
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.maps import permutations_of
from lmc_sweeps.symmetry.tracing import trace

EXAMPLES, CLASSES, NOISES = 2000, 10, (0.0, 0.3)
MOST_SECONDS = 4.0  # of one method on one kind of network: then the draws that there are count


class Residual(nn.Module):
    """A stream of d neurons that blocks with a hidden layer each read and write."""

    def __init__(self, n_inputs: int, d: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.first = nn.Linear(n_inputs, d)
        self.up = nn.ModuleList([nn.Linear(d, hidden) for _ in range(blocks)])
        self.down = nn.ModuleList([nn.Linear(hidden, d) for _ in range(blocks)])
        self.last = nn.Linear(d, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        stream = self.first(x)
        for up, down in zip(self.up, self.down, strict=True):
            stream = stream + down(up(stream).relu())
        return self.last(stream)


def plain(*sizes: int) -> nn.Module:
    """Return a multilayer perceptron of layers of these sizes."""
    layers: list[nn.Module] = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@dataclass(frozen=True)
class Kind:
    """A kind of network: its name, how it is built, the size of its inputs, and how many are drawn."""

    name: str
    build: Callable[[], nn.Module]
    n_inputs: int
    draws: int


KINDS = (
    Kind("plain 20-32-10", lambda: plain(20, 32, 10), 20, 20),
    Kind("plain 20-32-32-32-10", lambda: plain(20, 32, 32, 32, 10), 20, 20),
    Kind("plain 50-128-128-128-10", lambda: plain(50, 128, 128, 128, 10), 50, 10),
    Kind("residual, stream 16, 2 blocks of 32, 10 inputs", lambda: Residual(10, 16, 32, 2), 10, 20),
    Kind("residual, stream 64, 4 blocks of 128, 10 inputs", lambda: Residual(10, 64, 128, 4), 10, 10),
    Kind("residual, stream 64, 4 blocks of 128, 256 inputs", lambda: Residual(256, 64, 128, 4), 256, 10),
)


def methods() -> dict[str, Matching]:
    """Return all methods that match, by name, and `rebasin` with one start."""
    chosen = {name: kind() for name, kind in matching.choices().items() if name != "identity"}
    return chosen | {"rebasin[starts=1]": Rebasin(starts=1)}


def planted() -> pd.DataFrame:
    """Planted permutations found again, by kind of network, method and noise."""
    torch.set_num_threads(1)  # small products are slower on several
    return pd.DataFrame([row for kind in KINDS for noise in NOISES for row in _rows(kind, noise)])


def _rows(kind: Kind, noise: float) -> Iterator[dict[str, object]]:
    module = kind.build()
    example = torch.zeros(2, kind.n_inputs)
    architecture: Architecture
    architecture = from_sequential(module) if isinstance(module, nn.Sequential) else TorchModule(module, trace(module, example))
    for name, method in methods().items():
        shares: list[float] = []
        seconds: list[float] = []
        for draw in range(kind.draws):
            if sum(seconds) > MOST_SECONDS:
                break
            share, taken = recovered(architecture, {n: tuple(t.shape) for n, t in module.named_parameters()}, kind, method, noise, draw)
            shares.append(share)
            seconds.append(taken)
        whole = sum(share == 1.0 for share in shares)
        row = {"networks": kind.name, "noise": noise, "method": name, "draws": len(shares), "recovered": whole}
        yield row | {"rate": whole / len(shares), "share_of_neurons": float(np.mean(shares)), "seconds": float(np.mean(seconds))}
        print(f"{kind.name}, noise {noise}, {name}: {whole} of {len(shares)}, {np.mean(seconds):.2f} s", flush=True)


def recovered(
    architecture: Architecture, shapes: dict[str, tuple[int, ...]], kind: Kind, method: Matching, noise: float, draw: int
) -> tuple[float, float]:
    """Return the share of neurons that a method puts back, over all groups, and its seconds."""
    rng = generator(draw, "planted", kind.name)
    a = {name: torch.from_numpy(rng.standard_normal(shape) / np.sqrt(shape[-1])).float() for name, shape in shapes.items()}
    graph = architecture.graph(a)
    orders = {group: rng.permutation(size) for group, size in graph.sizes.items()}
    b = {
        name: tensor + noise * float(tensor.std()) * torch.from_numpy(rng.standard_normal(tensor.shape)).float()
        for name, tensor in a.items()
    }
    inputs = torch.from_numpy(rng.standard_normal((EXAMPLES, kind.n_inputs))).float()
    labels = architecture.forward(stacked([a]), inputs)[0].argmax(-1)
    start = time.perf_counter()
    networks = [a, graph.apply(b, orders)]
    problem = matching_problem(architecture, networks, Split(inputs, labels), method.needs, generator(draw, "method", method.name))
    result = solved(method, problem)
    seconds = time.perf_counter() - start
    back = permutations_of(result.maps)
    right = [np.mean(orders[group][back[group]] == np.arange(size)) if group in back else 0.0 for group, size in graph.sizes.items()]
    weights = list(graph.sizes.values())
    return float(np.average(right, weights=weights)), seconds
