"""Names of groups."""

import torch
from torch import Tensor, nn
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.symmetry.tracing import trace


def names(network: str) -> list[str]:
    return list(graph_of(network).sizes)


def test_a_group_is_called_after_the_layer_that_computes_it() -> None:
    assert names("mlp") == ["0", "2"]
    assert names("resnet20 batch")[:3] == ["0", "3.conv1", "4.conv1"]


def test_factors_of_one_axis_are_told_apart_by_their_place() -> None:
    assert names("grouped and depthwise") == ["0[0]", "0[1]", "4[1]"]


def test_parameters_of_the_module_itself_give_their_own_names() -> None:
    assert names("products") == ["one", "two", "three"]


def test_groups_of_one_tensor_of_the_module_itself_have_two_names() -> None:
    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.randn(8, 6))

        def forward(self, x: Tensor) -> Tensor:
            return (x[:, 0, None, None] * self.w).sigmoid().mean((1, 2))

    assert list(trace(Table(), torch.randn(2, 3)).sizes) == ["w", "w'"]


def test_no_two_groups_have_one_name() -> None:
    for name in NETWORKS:
        assert len(set(names(name))) == len(names(name))
