"""Networks without a specification: their symmetries are derived, and what was relabelled is found again."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from traced_networks import NETWORKS, graph_of

from lmc_sweeps import Comparison, compare, trace
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.maps import Permutation

IMAGES = torch.randn(60, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LABELS = torch.arange(60) % 10


def alive(name: str, seed: int) -> nn.Module:
    """Return a network in float64 with drawn biases, scales and statistics, so that no two channels are the same."""
    torch.manual_seed(seed)
    module = NETWORKS[name].make().double()
    for tensor in module.state_dict().values():
        if tensor.dim() == 1:
            tensor.copy_(torch.rand(tensor.shape, dtype=torch.float64) + 0.5)
    return module


def relabelled(module: nn.Module, graph: Graph, seed: int) -> tuple[nn.Module, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    orders = {group: rng.permutation(size) for group, size in graph.sizes.items()}
    other = copy.deepcopy(module)
    other.load_state_dict(graph.apply(dict(module.state_dict()), {group: Permutation(order) for group, order in orders.items()}))
    return other, orders


def by_activations(a: nn.Module, b: nn.Module, inputs: Tensor = IMAGES) -> Comparison:
    return compare(a, b, train=(inputs, LABELS), test=(inputs, LABELS), matching=["activations"], points=3)


@pytest.mark.parametrize("name", ["resnet20 batch", "resnet20 layer"])
def test_a_relabeling_is_found_again_and_what_it_did_to_the_line_is_gone(name: str) -> None:
    a = alive(name, 0)
    b, orders = relabelled(a, graph_of(name), 1)
    result = by_activations(a, b)
    for group, order in result.permutations["activations"].items():
        np.testing.assert_array_equal(orders[group][order], np.arange(len(order)))
    rows = result.runs.set_index("matching")
    assert rows.loc["activations", ["loss_barrier", "output_gap"]].to_numpy().max() < 1e-9
    assert rows.loc["identity", "output_gap"].min() > 1e-3
    assert ("batch norm: running statistics along the line are interpolated" in " ".join(result.notes)) == (name != "resnet20 layer")


def test_the_order_of_bs_neurons_makes_no_difference() -> None:
    a, b = alive("resnet20 batch", 0), alive("resnet20 batch", 1)
    shuffled, _ = relabelled(b, graph_of("resnet20 batch"), 2)
    one, other = by_activations(a, b), by_activations(a, shuffled)
    for column in ("loss_barrier", "error_barrier", "output_gap", "function_gap"):
        matched, again = (result.runs.query("matching == 'activations'")[column].to_numpy() for result in (one, other))
        np.testing.assert_allclose(again, matched, rtol=0, atol=1e-12)
    assert float(one.runs["function_gap"].max()) < 1e-9


def test_the_permuted_b_comes_back_in_the_shapes_of_its_own_code() -> None:
    images = IMAGES[:, :1]
    torch.manual_seed(0)
    a, b = (NETWORKS["conv2d"].make().double() for _ in range(2))
    labels = (images, torch.arange(60) % 3)
    result = compare(a, b, train=labels, test=labels, points=3)
    for method in ("weights", "covariance", "activations"):
        aligned = copy.deepcopy(b)
        aligned.load_state_dict(result.aligned[method])
        torch.testing.assert_close(aligned(images), b(images), rtol=0, atol=1e-12)
        flat, channels = b.state_dict()["6.weight"].reshape(9, 6, 4), result.permutations[method]
        assert torch.equal(result.aligned[method]["6.weight"], flat[channels["6"]][:, channels["3"]].reshape(9, 24))


def test_groups_that_no_method_can_match_yet_are_left_and_named() -> None:
    a, b = (alive("vit chunked", seed) for seed in (0, 1))
    result = by_activations(a, b)
    assert set(result.permutations["activations"]) == {"patches", "blocks.0.mlp.0", "blocks.1.mlp.0"}
    assert any(
        note.startswith("left in their order, as no method can match them yet: blocks.0.attention.qkv[0], ") for note in result.notes
    )
    assert float(result.runs["function_gap"].max()) < 1e-9


def test_a_network_with_nothing_to_match_is_refused_with_what_was_found() -> None:
    a, b = (alive("densenet", seed) for seed in (0, 1))
    with pytest.raises(
        InputError, match=r"^a Dense has no neurons that a matching method can relabel yet; groups that were found: first, "
    ):
        by_activations(a, b)


class Mixer(nn.Module):
    """A layer that mixes patches, for each channel, and one that mixes channels, for each patch."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.patches_in, self.patches_out = nn.Linear(5, 8), nn.Linear(6, 7), nn.Linear(7, 6)
        self.channels_in, self.channels_out, self.head = nn.Linear(8, 9), nn.Linear(9, 8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x)
        h = h + self.patches_out(torch.nn.functional.gelu(self.patches_in(h.mT))).mT
        h = h + self.channels_out(torch.nn.functional.gelu(self.channels_in(h)))
        return self.head(h.mean(1))


def test_what_is_read_once_for_each_neuron_of_another_group_is_left_in_its_order() -> None:
    inputs = torch.randn(60, 6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.manual_seed(0)
    a, b = Mixer().double(), Mixer().double()
    graph = trace(a, inputs[:2])
    assert set(graph.sizes) == {"embed", "patches_in", "channels_in"}
    shuffled, _ = relabelled(b, graph, 2)
    one, other = (by_activations(a, network, inputs) for network in (b, shuffled))
    assert set(one.permutations["activations"]) == {"embed", "channels_in"}
    assert any(note.startswith("left in their order, as no method can match them yet: patches_in") for note in one.notes)
    planted, orders = relabelled(a, graph, 3)
    for group, order in by_activations(a, planted, inputs).permutations["activations"].items():
        np.testing.assert_array_equal(orders[group][order], np.arange(len(order)))


def test_tensors_that_are_constants_leave_their_groups_in_order() -> None:
    class Bounded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(5, 6), nn.Linear(6, 7), nn.Linear(7, 3)
            self.register_buffer("high", torch.tensor([1.0, 2.0, 3.0, 4.0, torch.inf, torch.inf]))

        def forward(self, x: Tensor) -> Tensor:
            return self.c(torch.relu(self.b(torch.minimum(self.a(x), self.high))))

    torch.manual_seed(0)
    data = (torch.randn(30, 5), torch.arange(30) % 3)
    result = compare(Bounded(), Bounded(), train=data, test=data, matching=["activations"], points=3)
    assert set(result.permutations["activations"]) == {"b"}


def test_two_parameters_in_one_memory_are_refused() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))
    net[2].weight = nn.Parameter(net[0].weight.data)
    data = (torch.randn(30, 4), torch.arange(30) % 3)
    with pytest.raises(InputError, match=r"^network A has '0\.weight' and '2\.weight' in the same memory, though they are two tensors"):
        compare(net, copy.deepcopy(net), train=data, test=data)
