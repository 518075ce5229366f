"""Modules of a caller's own: a convolutional network with a hand-written permutation specification, against plain calls of it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmc_sweeps import matching
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import NEEDS, MatchingProblem
from lmc_sweeps.maths.interpolation import interpolate, line_points
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations, inverse
from lmc_sweeps.measuring.evaluation import function_gap
from lmc_sweeps.measuring.problems import matching_problem
from lmc_sweeps.models.base import Shape, stacked, unstack
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.tracing import trace

SPEC = PermutationSpec(
    {
        "one.weight": ("one", None, None, None),
        "norm.weight": ("one",),
        "norm.bias": ("one",),
        "norm.running_mean": ("one",),
        "norm.running_var": ("one",),
        "two.weight": ("two", "one", None, None),
        "two.bias": ("two",),
        "dense.weight": ("dense", "two"),
        "dense.bias": ("dense",),
        "output.weight": (None, "dense"),
        "output.bias": (None,),
    }
)
SIZES = {"one": 5, "two": 7, "dense": 6}


class ConvNet(nn.Module):
    """Two convolutions with a batch norm between them, the mean over pixels, two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm = nn.Conv2d(2, 5, 3, bias=False), nn.BatchNorm2d(5)
        self.two = nn.Conv2d(5, 7, 3, stride=2)
        self.dense, self.output = nn.Linear(7, 6), nn.Linear(6, 4)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.norm(self.one(x)))
        x = torch.tanh(self.two(x)).mean(dim=(2, 3))
        return self.output(self.dropout(torch.tanh(self.dense(x))))


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


def network(seed: int, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    state = {name: tensor for name, tensor in ConvNet().state_dict().items() if tensor.is_floating_point()}
    drawn = {name: normal(*tensor.shape, seed=100 * seed + k, dtype=dtype) for k, (name, tensor) in enumerate(state.items())}
    return {name: tensor.abs() + 0.5 if name.endswith("var") else tensor / tensor[0].numel() ** 0.5 for name, tensor in drawn.items()}


def architecture(spec: PermutationSpec = SPEC, dtype: torch.dtype = torch.float64) -> TorchModule:
    return TorchModule(ConvNet().to(dtype), Graph.by_hand(spec.axes, network(0), ["norm.running_mean", "norm.running_var"]))


def planted(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {group: rng.permutation(size) for group, size in SIZES.items()}


def problem(a: dict[str, Tensor], b: dict[str, Tensor], x: Tensor) -> MatchingProblem:
    network_code = architecture(dtype=x.dtype)
    return matching_problem(network_code, [a, b], Split(x, torch.zeros(len(x), dtype=torch.int64)), NEEDS, batch_size=16)


def test_forward_and_module_are_the_callers_network_in_evaluation_mode() -> None:
    networks, x = [network(0), network(1)], normal(6, 2, 8, 8)
    logits = architecture().forward(stacked(networks), x)
    for k, parameters in enumerate(networks):
        plain = ConvNet().double()
        plain.load_state_dict(parameters, strict=False)  # the counter of batches alone is missing
        expected = plain.eval()(x)
        torch.testing.assert_close(logits[k], expected, rtol=1e-12, atol=1e-14)
        module = architecture().module(parameters)
        assert not module.training
        torch.testing.assert_close(module(x), expected, rtol=1e-12, atol=1e-14)


def test_the_training_forward_is_that_of_the_callers_network_with_its_batch_norms_in_training_mode() -> None:
    networks, x = [network(0), network(1)], normal(2, 6, 2, 8, 8)
    logits, buffers = architecture().training_forward(stacked(networks), x)
    assert {name: tuple(buffer.shape) for name, buffer in buffers.items()} == {"norm.running_mean": (2, 5), "norm.running_var": (2, 5)}
    for k, parameters in enumerate(networks):
        module = architecture().module(parameters)
        module.norm.train()
        torch.testing.assert_close(logits[k], module(x[k]), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(buffers["norm.running_var"][k], module.norm.running_var, rtol=1e-12, atol=1e-14)


def test_a_module_takes_examples_as_they_are() -> None:
    for examples in (normal(6, 2, 8, 8), normal(6, 8), torch.arange(6).view(2, 3)):
        assert architecture().taken(examples) is examples


def test_the_callers_module_keeps_its_weights_and_its_mode() -> None:
    module = ConvNet().double()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    own = TorchModule(module, Graph.by_hand(SPEC.axes, network(0)))
    own.forward(stacked([network(0)]), normal(6, 2, 8, 8))
    own.module(network(1))
    assert module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_two_modules_share_neither_memory_nor_the_hooks_that_read_activations() -> None:
    code = architecture()
    code.activations(stacked([network(0)]), normal(6, 2, 8, 8))
    one = code.module(network(0))
    code.module(network(1))
    assert all(torch.equal(one.state_dict()[name], tensor) for name, tensor in network(0).items())
    assert not any(child._forward_pre_hooks for child in one.modules())


def test_activations_are_what_the_next_layer_reads_one_row_per_example_and_pixel() -> None:
    parameters, x = network(0), normal(6, 2, 8, 8)
    module = architecture().module(parameters)
    one = torch.tanh(module.norm(module.one(x)))  # (6, 5, 6, 6)
    two = torch.tanh(module.two(one)).mean(dim=(2, 3))  # (6, 7)
    expected = {"input": x, "one": one, "two": two, "dense": torch.tanh(module.dense(two))}
    activations = architecture().activations(stacked([parameters]), x)
    assert activations.keys() == expected.keys()
    for key, values in expected.items():
        channels = values.shape[1]
        rows = torch.stack([values[:, c].flatten() for c in range(channels)], dim=1)
        torch.testing.assert_close(activations[key][0], rows, rtol=1e-12, atol=1e-14)


def test_line_logits_are_the_forward_passes_of_the_interpolated_networks() -> None:
    a, b, x, t = network(0), network(1), normal(6, 2, 8, 8), torch.from_numpy(line_points(5))
    maps = [{}, planted(0)]
    logits = architecture().line_logits(a, b, maps, t, x)
    assert logits.shape == (2, 5, 6, 4)
    for m, permutations in enumerate(maps):
        aligned = apply_permutations(b, SPEC, permutations)
        line = interpolate(a, aligned, t)
        for k in range(5):
            torch.testing.assert_close(logits[m, k], architecture().module(unstack(line, k))(x), rtol=1e-12, atol=1e-14)
        ends = architecture().forward(stacked([a, aligned]), x)
        torch.testing.assert_close(logits[m, 0], ends[0], rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(logits[m, -1], ends[1], rtol=1e-12, atol=1e-14)
    assert torch.equal(logits[:, 0], logits[:1, 0].expand_as(logits[:, 0]))


def test_a_module_and_the_same_feed_forward_network_agree_along_the_line_and_in_their_activations() -> None:
    settings = Mlp(activation="tanh")
    chain = settings.architecture(Shape((6,), 8, 2, 3))
    drawn = (settings.initial(Shape((6,), 8, 2, 3), np.random.default_rng(seed)) for seed in (0, 1))
    a, b = ({name: tensor.double() for name, tensor in net.items()} for net in drawn)
    x, t = normal(9, 6), torch.from_numpy(line_points(5))
    module = TorchModule(chain.module(a), chain.graph(a))
    maps = [{"hidden_1": np.random.default_rng(0).permutation(8), "hidden_2": np.random.default_rng(1).permutation(8)}]
    torch.testing.assert_close(module.line_logits(a, b, maps, t, x), chain.line_logits(a, b, maps, t, x), rtol=1e-12, atol=1e-13)
    expected = chain.activations(stacked([a, b]), x)
    for key, values in module.activations(stacked([a, b]), x).items():
        torch.testing.assert_close(values, expected[key], rtol=1e-12, atol=1e-13)
    assert [module.sources(group) for group in chain.spec.groups] == [chain.sources(group) for group in chain.spec.groups]


@pytest.mark.parametrize("method", ["weights", "covariance", "activations"])
# In float32 the cost of equal neurons is rounding of their second moments, which are up to 1e4 times their variances here.
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float32, 1e-3), (torch.float64, 1e-12)])
def test_planted_permutations_of_channels_are_recovered(method: str, dtype: torch.dtype, rounding: float) -> None:
    a, x, moved = network(0, dtype), normal(40, 2, 8, 8, dtype=dtype), planted(3)
    b = apply_permutations(a, SPEC, moved)
    assert function_gap(architecture(dtype=dtype), a, moved, x) < 1e-5
    result = matching.choices()[method]()(problem(a, b, x))
    assert result.is_permutation
    for group, permutation in moved.items():
        np.testing.assert_array_equal(result.permutations[group], inverse(permutation))
    assert all(layer.matching_cost < rounding * layer.identity_cost for layer in result.layers)


def convolution_cost(a: np.ndarray, b: np.ndarray, metric: np.ndarray) -> np.ndarray:
    """Sum over kernel positions of the squared distance in the metric on input channels, pair by pair."""
    cost = np.zeros((len(a), len(b)))
    for i, j, r, s in np.ndindex(*cost.shape, *a.shape[2:]):
        difference = a[i, :, r, s] - b[j, :, r, s]
        cost[i, j] += difference @ metric @ difference
    return cost


@pytest.mark.parametrize("method", ["weights", "covariance"])
@pytest.mark.parametrize("group", ["one", "two"])
def test_the_cost_of_a_convolution_is_the_sum_over_its_kernel_positions(method: str, group: str) -> None:
    convolutions, below = problem(network(0), network(1), normal(20, 2, 8, 8)), {"one": planted(0)["one"]}
    a, b = convolutions.a.weights[f"{group}.weight"], convolutions.b.weights[f"{group}.weight"]
    b = b if group == "one" else b[:, below["one"]]
    source = "input" if group == "one" else "one"
    metric = np.eye(a.shape[1]) if method == "weights" else convolutions.a.moments[source].second
    np.testing.assert_allclose(
        matching.choices()[method]().ground_cost(convolutions, group, below), convolution_cost(a, b, metric), rtol=1e-11, atol=1e-13
    )


def test_the_biases_of_a_convolution_are_refused_in_the_metric_of_activations_and_counted_in_plain_weights() -> None:
    both = problem(network(0), network(1), normal(20, 2, 8, 8))
    message = "^`matching.covariance.biases` is for linear layers; group 'one' is computed in another way"
    with pytest.raises(InputError, match=message):
        matching.choices()["covariance"](biases=True)(both)
    # All one-axis parameters that the group owns: of `one`, the batch norm's four.
    owned = [name for name in SPEC.axes if name.startswith("norm")]
    columns_a, columns_b = (np.stack([w[name] for name in owned], axis=1) for w in (both.a.weights, both.b.weights))
    extra = ((columns_a[:, None] - columns_b[None]) ** 2).sum(axis=2)
    with_biases, without = (matching.choices()["weights"](biases=biases).ground_cost(both, "one", {}) for biases in (True, False))
    np.testing.assert_allclose(with_biases - without, extra, rtol=1e-10)


def changed(**axes: tuple[str | None, ...]) -> PermutationSpec:
    return PermutationSpec({**SPEC.axes, **{name.replace("__", "."): value for name, value in axes.items()}})


WRONG: dict[str, Callable[[], PermutationSpec]] = {
    "a bias stays behind": lambda: changed(two__bias=(None,)),
    "the batch norm's mean stays behind": lambda: changed(norm__running_mean=(None,)),
    "the output moves too": lambda: changed(output__bias=("other",), output__weight=("other", "dense")),
}


def test_a_specification_that_is_wrong_but_fits_the_shapes_is_noticed_as_another_function() -> None:
    x, moved = normal(20, 2, 8, 8), planted(3)
    assert function_gap(architecture(), network(1), moved, x) < 1e-12
    for name, wrong in WRONG.items():
        orders = {**moved, "other": np.roll(np.arange(4), 1)} if name == "the output moves too" else moved
        assert function_gap(architecture(wrong()), network(1), orders, x) > 1e-3


def check_trainable(layer: nn.Module) -> None:
    """Check a network with a layer as a sweep does before it trains it."""
    module = nn.Sequential(nn.Linear(3, 4), layer, nn.ReLU(), nn.Linear(4, 2))
    tensors = {name: tensor for name, tensor in module.state_dict().items() if tensor.is_floating_point()}
    TorchModule(module, trace(module, torch.zeros(2, 3))).check_trainable(tensors)


def test_layers_that_a_sweep_would_not_train_as_they_are_meant_are_refused() -> None:
    check_trainable(nn.BatchNorm1d(4))
    check_trainable(nn.Dropout(0.0))
    with pytest.raises(InputError, match=r"^a sweep does not train Dropout layers \(1\): nothing is dropped in it\."):
        check_trainable(nn.Dropout(0.5))
    with pytest.raises(InputError, match=r"^a sweep does not train batch norms with momentum=None \(1\): they count their batches"):
        check_trainable(nn.BatchNorm1d(4, momentum=None))


def test_tensors_that_are_not_those_of_the_graph_are_refused() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    code, tensors = TorchModule(module, trace(module, torch.zeros(2, 3))), dict(module.state_dict())
    code.check_trainable(tensors)
    for changed, words in (
        (tensors | {"0.bias": torch.zeros(5)}, r"'0.bias' has shape \(4,\) there, and \(5,\) in"),
        (tensors | {"more": torch.zeros(2)}, r"'more' has shape none there"),
    ):
        with pytest.raises(InputError, match=words):
            code.check_trainable(changed)
