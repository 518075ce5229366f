"""Graphs as matching methods take them."""

import numpy as np
import pytest
import torch
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.symmetry.maps import Permutation
from lmc_sweeps.symmetry.views import factored

WHOLE = ["mlp", "conv1d", "conv2d", "vgg11", "resnet20 batch", "resnet20 layer", "products"]


@pytest.mark.parametrize("name", NETWORKS)
def test_relabeling_a_view_is_relabeling_by_the_graph(name: str) -> None:
    torch.manual_seed(0)
    module = NETWORKS[name].make()
    graph = graph_of(name)
    parts = factored(graph)
    rng = np.random.default_rng(0)
    orders = {group: rng.permutation(size) for group, size in graph.sizes.items() if group not in parts.left}
    tensors = {key: tensor for key, tensor in module.state_dict().items() if key in graph.axes}
    shown = {key: parts.views[key].view(tensor) if key in parts.views else tensor for key, tensor in tensors.items()}
    moved = apply_permutations(shown, parts.spec, orders)
    expected = graph.apply(tensors, {group: Permutation(order) for group, order in orders.items()})
    for key, tensor in moved.items():
        assert torch.equal(parts.views[key].back(tensor) if key in parts.views else tensor, expected[key]), key


@pytest.mark.parametrize("name", NETWORKS)
def test_each_group_is_the_first_or_the_second_axis_of_what_has_it(name: str) -> None:
    spec = factored(graph_of(name)).spec
    assert all(group is None for axes in spec.axes.values() for group in axes[2:])


def test_groups_that_no_view_can_show_are_left_and_no_others() -> None:
    def left(name: str) -> tuple[str, ...]:
        return factored(graph_of(name)).left

    assert all(left(name) == () for name in WHOLE)
    assert left("vit chunked") == ("blocks.0.attention.qkv[0]", "blocks.0.attention.qkv[1]", "blocks.0.attention.qkv[2]",
                                   "blocks.1.attention.qkv[0]", "blocks.1.attention.qkv[1]", "blocks.1.attention.qkv[2]")  # fmt: skip
    assert len(left("densenet")) == 3


def test_channels_that_were_flattened_are_seen_apart_from_their_positions() -> None:
    parts = factored(graph_of("conv2d"))
    view = parts.views["6.weight"]
    assert (view.own, view.split, view.order) == ((9, 24), (9, 6, 4), (0, 1, 2))
    rows = torch.arange(2 * 24).reshape(2, 24)  # two examples of six channels with four positions
    assert view.neurons(rows)[:4].tolist() == rows[0].reshape(6, 4).T.tolist()


def test_a_matrix_that_is_read_by_its_first_axis_is_turned() -> None:
    parts = factored(graph_of("products"))
    assert parts.spec.axes["one"] == ("one", None)
    assert parts.views["one"].order == (1, 0)
    assert parts.spec.axes["two"] == ("two", "one")
    assert parts.views["two"].order == (0, 1)
