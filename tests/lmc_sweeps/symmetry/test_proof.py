"""The proof fails where a graph is wrong."""

import dataclasses

import numpy as np
import pytest
import torch
from traced_networks import NETWORKS

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.axes import Axis, Factor
from lmc_sweeps.symmetry.proof import SEEN, prove
from lmc_sweeps.symmetry.tracing import trace


@pytest.mark.parametrize("name", ["conv2d", "resnet20 batch", "densenet", "gpt"])
def test_a_graph_with_any_axis_of_any_tensor_fixed_or_freed_is_found_out(name: str) -> None:
    torch.manual_seed(0)
    module, example = NETWORKS[name].make(), NETWORKS[name].example()
    graph = trace(module, example)
    rng = np.random.default_rng(0)
    wrong = 0
    for tensor, axes in graph.axes.items():
        for k, axis in enumerate(axes):
            if axis.groups and wrong < 12:
                fixed = (*axes[:k], Axis(((Factor(axis.size),),), axis.reads), *axes[k + 1 :])
                broken = dataclasses.replace(graph, axes={**graph.axes, tensor: fixed})
                assert prove(module, broken, example, rng).gap > SEEN, (tensor, k)
                wrong += 1
    assert wrong >= 5


def test_a_group_that_nothing_distinguishes_is_idle() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    with torch.no_grad():
        module[2].weight.zero_()
    graph = trace(module, torch.randn(2, 3))
    assert prove(module, graph, torch.randn(2, 3), np.random.default_rng(0)).idle == ("0",)


def test_a_tensor_that_the_graph_lacks_is_named() -> None:
    module, example = NETWORKS["mlp"].make(), NETWORKS["mlp"].example()
    graph = trace(module, example)
    axes = {name: axes for name, axes in graph.axes.items() if name != "2.bias"}
    with pytest.raises(InputError, match=r"must have an entry for every parameter and buffer, and lacks 2\.bias\.$"):
        prove(module, dataclasses.replace(graph, axes=axes), example, np.random.default_rng(0))
