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


class Flattened(nn.Module):
    """A network of any kind as one that returns logits, (examples, classes)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        outputs = self.module(x)
        return (outputs[0] if isinstance(outputs, tuple) else outputs).flatten(1)


def examples(name: str) -> tuple[Tensor, Tensor]:
    """Return inputs of a network, 60 of them, and labels."""
    example = NETWORKS[name].example()
    example = example[0] if isinstance(example, tuple) else example
    draws = torch.Generator().manual_seed(5)
    shape = (60, *example.shape[1:])
    if example.is_floating_point():
        return torch.randn(shape, generator=draws, dtype=torch.float64), LABELS % 3
    return torch.randint(int(example.max()) + 1, shape, generator=draws), LABELS % 3


ORDER_FREE = ["weights", "covariance", "activations"]


@pytest.mark.parametrize("name", ["grouped and depthwise", "densenet", "vit chunked", "resnet20 group", "decoder"])
def test_a_relabeling_of_all_groups_is_found_again_and_what_it_did_to_the_line_is_gone(name: str) -> None:
    a = alive(name, 0)
    b, orders = relabelled(a, graph_of(name), 1)
    result = compare(Flattened(a), Flattened(b), train=examples(name), test=examples(name), matching=ORDER_FREE, points=3)
    for method in ORDER_FREE:
        assert {group.removeprefix("module.") for group in result.permutations[method]} == set(orders)
        for group, order in result.permutations[method].items():
            np.testing.assert_array_equal(orders[group.removeprefix("module.")][order], np.arange(len(order)))
    rows = result.runs.set_index("matching")
    assert rows.loc[ORDER_FREE, ["loss_barrier", "output_gap", "function_gap", "distance"]].to_numpy().max() < 1e-9
    assert rows.loc["identity", "output_gap"].min() > 1e-3
    assert ("batch norm: running statistics along the line are interpolated" in " ".join(result.notes)) == ("BatchNorm" in str(a))


@pytest.mark.parametrize("name", ["grouped and depthwise", "vit chunked", "gains", "gpt", "resnet20 batch"])
def test_the_order_of_bs_neurons_makes_no_difference(name: str) -> None:
    a, b = alive(name, 3), alive(name, 4)
    shuffled, orders = relabelled(b, graph_of(name), 2)
    data = examples(name)
    one, other = (compare(Flattened(a), Flattened(net), train=data, test=data, matching=ORDER_FREE, points=3) for net in (b, shuffled))
    for method in ORDER_FREE:
        for group, order in orders.items():
            group = f"module.{group}"
            np.testing.assert_array_equal(order[other.permutations[method][group]], one.permutations[method][group])
    for column in ("loss_barrier", "error_barrier", "output_gap", "distance"):
        matched, again = (result.runs.set_index("matching").loc[ORDER_FREE, column].to_numpy() for result in (one, other))
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


def test_what_is_read_once_for_each_neuron_of_another_group_is_matched_by_its_weights() -> None:
    inputs = torch.randn(60, 6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.manual_seed(0)
    a, b = Mixer().double(), Mixer().double()
    graph = trace(a, inputs[:2])
    assert set(graph.sizes) == {"embed", "patches_in", "channels_in"}
    shuffled, moved = relabelled(b, graph, 2)
    one, other = (by_activations(a, network, inputs) for network in (b, shuffled))
    for group, order in moved.items():
        np.testing.assert_array_equal(order[other.permutations["activations"][group]], one.permutations["activations"][group])
    assert any(
        note.startswith("activations: no product of matrices shows the activations of patches_in, so they are") for note in one.notes
    )
    planted, orders = relabelled(a, graph, 3)
    for group, order in by_activations(a, planted, inputs).permutations["activations"].items():
        np.testing.assert_array_equal(orders[group][order], np.arange(len(order)))


class BothWays(nn.Module):
    """A weight that leads to neurons, and back from them: both of its axes have inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.code, self.head = nn.Linear(5, 7), nn.Linear(7, 6, bias=False), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(torch.tanh(self.code(torch.tanh(self.first(x)))) @ self.code.weight))


@pytest.mark.parametrize("method", ["weights", "covariance", "activations"])
def test_neurons_that_a_weight_used_both_ways_leads_to_are_matched_by_its_rows(method: str) -> None:
    torch.manual_seed(0)
    a, b = BothWays().double(), BothWays().double()
    inputs = torch.randn(60, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    graph = trace(a, inputs[:2])
    assert set(graph.sizes) == {"first", "code"}
    data = (inputs, LABELS % 3)
    planted, orders = relabelled(a, graph, 2)
    for group, order in compare(a, planted, train=data, test=data, matching=[method], points=3).permutations[method].items():
        np.testing.assert_array_equal(orders[group][order], np.arange(len(order)))
    shuffled, moved = relabelled(b, graph, 3)
    one, other = (compare(a, network, train=data, test=data, matching=[method], points=3) for network in (b, shuffled))
    for group, order in moved.items():
        np.testing.assert_array_equal(order[other.permutations[method][group]], one.permutations[method][group])
    sentence = "covariance: no product of matrices shows the activations of code.weight, so their inputs count"
    assert any(note.startswith(sentence) for note in one.notes) == (method == "covariance")


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
