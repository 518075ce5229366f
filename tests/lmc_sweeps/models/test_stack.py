"""Stacks of networks, and the line between two of them by the forward of every network on it."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.shape import Shape
from lmc_sweeps.models.stack import line_by, stacked, unstack
from lmc_sweeps.symmetry.maps import Coupling, Permutation

SHAPE = Shape((6,), 5, 2, 3)
MLP = Mlp(activation="tanh")
NETWORKS = [MLP.initial(SHAPE, np.random.default_rng(k)) for k in range(3)]


def test_a_stack_is_its_networks() -> None:
    stack = stacked(NETWORKS)
    for k, network in enumerate(NETWORKS):
        assert all(torch.equal(tensor, network[name]) for name, tensor in unstack(stack, k).items())


def test_a_line_by_default_is_the_forward_of_interpolated_networks_and_ends_are_computed_once() -> None:
    architecture, (a, b) = MLP.architecture(SHAPE), NETWORKS[:2]
    graph, inputs, t = architecture.graph(b), torch.randn(7, 6, generator=torch.Generator().manual_seed(0)), torch.linspace(0, 1, 5)
    rng = np.random.default_rng(0)
    plan = rng.uniform(0.5, 1.5, (5, 5))
    maps = [{}, {"hidden_1": Permutation(rng.permutation(5))}, {"hidden_2": Coupling(plan / plan.sum())}]
    calls = []

    def forward(stack: Mapping[str, Tensor], examples: Tensor) -> Tensor:
        calls.append(1)
        return architecture.forward(stack, examples)

    logits = line_by(forward, graph, a, b, maps, t, inputs)
    for each, line in zip(maps, logits, strict=True):
        expected = architecture.forward(interpolate(a, graph.apply(b, each), t), inputs)
        torch.testing.assert_close(line, expected, rtol=1e-5, atol=1e-6)
    assert len(calls) == 2 + 3 * 3 + 1  # two ends, three points of each line, and the end of the line to what is not B's function
    torch.testing.assert_close(architecture.line_logits(a, b, maps, t, inputs), logits, rtol=1e-5, atol=1e-6)
