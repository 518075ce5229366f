"""`compare`: two networks of a caller's own, bias-free 64-40-20-10 trained a little on digits, and every mistake that a caller can make."""

import copy
import re
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from small_jobs import as_vectors, digits
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

from lmc_sweeps import Comparison, compare
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.compare import build_methods
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.permutations import PermutationSpec
from multirun_analysis.schema import CURVES_TAIL, LAYERS_TAIL, RUNS_TAIL, names

DATA = as_vectors(digits())
TRAIN, TEST = (DATA.train.inputs, DATA.train.labels), (DATA.test.inputs, DATA.test.labels)
METHODS = ("weights", "covariance", "activations")
Shapes = tuple[int, ...]


def network(seed: int, shapes: Shapes = (64, 40, 20, 10), bias: bool = False, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return an untrained network whose weights come from a generator of its own."""
    rng = torch.Generator().manual_seed(seed)
    parts: list[nn.Module] = []
    for fan_in, fan_out in zip(shapes[:-1], shapes[1:], strict=True):
        layer = nn.utils.skip_init(nn.Linear, fan_in, fan_out, bias=bias)
        for parameter in layer.parameters():
            parameter.data = torch.randn(parameter.shape, generator=rng) * (2 / fan_in) ** 0.5
        parts += [layer, activation()]
    return nn.Sequential(*parts[:-1])


def trained(seed: int) -> nn.Sequential:
    net = network(seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    for _ in range(40):
        optimizer.zero_grad()
        F.cross_entropy(net(TRAIN[0]), TRAIN[1]).backward()
        optimizer.step()
    optimizer.zero_grad()
    return net


@pytest.fixture(scope="module")
def pair() -> tuple[nn.Sequential, nn.Sequential]:
    return trained(1), trained(2)


@pytest.fixture(scope="module")
def result(pair) -> Comparison:
    return compare(*pair, train=TRAIN, test=TEST)


def shuffled(net: nn.Sequential, seed: int = 3) -> nn.Sequential:
    """Return the network with its hidden neurons in another order, by hand."""
    rng = np.random.default_rng(seed)
    new = copy.deepcopy(net)
    linear = [part for part in new if isinstance(part, nn.Linear)]
    with torch.no_grad():
        for here, above in zip(linear[:-1], linear[1:], strict=True):
            order = torch.from_numpy(rng.permutation(here.out_features))
            here.weight.copy_(here.weight[order].clone())
            above.weight.copy_(above.weight[:, order].clone())
    return new


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what does not depend on the clock."""
    return frame.drop(columns=["seconds_match", "seconds_evaluate"])


def test_the_tables_have_exactly_the_columns_of_the_schema(result):
    for frame, tail in ((result.to_frame(), RUNS_TAIL), (result.curves, CURVES_TAIL)):
        assert list(frame.columns) == names(tail)
        assert set(frame["repair"]) == {"none"}
    assert list(result.layers.columns) == names(LAYERS_TAIL)
    for frame, columns in ((result.to_frame(), RUNS_TAIL), (result.curves, CURVES_TAIL), (result.layers, LAYERS_TAIL)):
        for column in columns:
            if column.kind != "string" and column.name != "seconds_train":
                assert pd.api.types.is_numeric_dtype(frame[column.name]), column.name


def test_every_method_is_measured_on_both_splits_beside_the_identity(result):
    rows = result.to_frame()[["matching", "split"]].to_numpy().tolist()
    assert rows == [[method, split] for split in ("train", "test") for method in ("identity", *METHODS)]
    assert result.curves.groupby(["matching", "split"]).size().tolist() == [25] * 8
    assert result.layers[["matching", "layer"]].to_numpy().tolist() == [[method, layer] for method in METHODS for layer in (1, 2)]
    assert result.notes == ()


def test_barriers_are_not_negative_and_matching_lowers_the_training_barrier_of_the_identity(result):
    frame = result.to_frame()
    assert (frame[["loss_barrier", "error_barrier"]] >= 0).all(axis=None)
    barrier = frame[frame.split == "train"].set_index("matching").loss_barrier
    assert barrier["identity"] > 0.1  # else the comparison below would say nothing
    assert (barrier[list(METHODS)] < barrier["identity"]).all()


def test_end_points_and_midpoints_are_those_of_the_modules_themselves(pair, result):
    a, b = pair
    with torch.no_grad():
        for split, (inputs, labels) in (("train", TRAIN), ("test", TEST)):
            for matching, aligned in result.aligned.items():
                row = result.runs[(result.runs.split == split) & (result.runs.matching == matching)].iloc[0]
                middle = copy.deepcopy(a)
                middle.load_state_dict({name: (tensor + aligned[name]) / 2 for name, tensor in a.state_dict().items()})
                for net, suffix in ((a, "a"), (b, "b"), (middle, "midpoint")):
                    # float32 logits whose sums run in another order
                    np.testing.assert_allclose(row[f"loss_{suffix}"], float(F.cross_entropy(net(inputs), labels)), rtol=1e-5)
                    wrong = float((net(inputs).argmax(1) != labels).double().mean())
                    np.testing.assert_allclose(row[f"error_{suffix}"], wrong, rtol=1e-12)


@pytest.mark.parametrize("transport", ["emd", "assignment"])
def test_the_barrier_to_a_network_with_its_neurons_in_another_order_is_zero(pair, transport):
    comparison = compare(pair[0], shuffled(pair[0]), train=TRAIN, test=TEST, transport=transport)
    frame = comparison.to_frame().set_index("matching")
    assert (frame.loc["identity", "loss_barrier"] > 0.1).all()
    assert (frame.loc[list(METHODS), "loss_barrier"] <= 1e-6).all()
    assert (frame.loc[list(METHODS), "error_barrier"] <= 1e-15).all()  # the chord of a constant curve is rounded in float64


@pytest.mark.parametrize("matching", ["identity", *METHODS])
def test_the_aligned_state_dict_loads_into_a_copy_with_the_same_outputs(pair, result, matching):
    b = pair[1]
    module = copy.deepcopy(b)
    module.load_state_dict(result.aligned[matching])
    with torch.no_grad():
        expected = b(TEST[0])
        torch.testing.assert_close(module(TEST[0]), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    comparison = result.permutations[matching]
    assert {group: len(comparison[group]) for group in comparison} == {"0": 40, "2": 20}
    by_hand = b.state_dict()["2.weight"][comparison["2"]][:, comparison["0"]]
    assert torch.equal(result.aligned[matching]["2.weight"], by_hand)


def test_the_networks_keep_their_mode_device_weights_and_gradients():
    a, b = (network(seed, (64, 12, 10), bias=True) for seed in (1, 2))
    b.eval()
    a[0].weight.grad = torch.ones(12, 64)
    before = [{name: tensor.clone() for name, tensor in net.state_dict().items()} for net in (a, b)]
    comparison = compare(a, b, train=TRAIN, test=TEST, points=3)
    for state in comparison.aligned.values():
        for tensor in state.values():
            tensor.zero_()  # what is handed back is the caller's to change
    assert (a.training, b.training) == (True, False)
    for net, state in zip((a, b), before, strict=True):
        for name, tensor in net.state_dict().items():
            assert torch.equal(tensor, state[name])
            assert tensor.device == torch.device("cpu")
    assert all(parameter.requires_grad for parameter in a.parameters())
    assert torch.equal(a[0].weight.grad, torch.ones(12, 64))


class Images(Dataset):
    """Images of 8 by 8 pixels with labels that are plain integers."""

    def __init__(self, inputs: Tensor, labels: Tensor) -> None:
        self.inputs, self.labels = inputs, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, k: int) -> tuple[Tensor, int]:
        return self.inputs[k].view(1, 8, 8), int(self.labels[k])


@pytest.mark.parametrize(
    "kind",
    [
        lambda x, y: TensorDataset(x, y),
        Images,
        lambda x, y: (x.view(-1, 1, 8, 8), y),
        lambda x, y: (x.numpy(), y.numpy().astype(np.uint8)),
        lambda x, y: [x.double(), y.int()],
    ],
    ids=["TensorDataset", "images", "unflattened", "arrays", "other types"],
)
def test_data_of_every_kind_give_the_numbers_of_flat_tensors(pair, result, kind):
    comparison = compare(*pair, train=kind(*TRAIN), test=kind(*TEST))
    pd.testing.assert_frame_equal(numbers(comparison.to_frame()), numbers(result.to_frame()), rtol=0, atol=0)
    pd.testing.assert_frame_equal(comparison.curves, result.curves, rtol=0, atol=0)


@pytest.mark.parametrize(
    "tail",
    [[], [nn.LogSoftmax(dim=1)], [nn.LogSoftmax(dim=-1)], [nn.Dropout(0.5)]],
    ids=["none", "log-softmax over dim 1", "log-softmax over dim -1", "dropout"],
)
def test_the_last_layers_mean_what_they_mean_in_evaluation_mode(pair, result, tail):
    a, b = (nn.Sequential(nn.Flatten(), *net, *copy.deepcopy(tail)) for net in pair)
    comparison = compare(a, b, train=TRAIN, test=TEST)
    # Flatten moves the names of layers by one; log-softmax of log-softmax is the same up to rounding.
    for column in ("loss_a", "loss_b", "error_a", "loss_midpoint"):
        np.testing.assert_allclose(comparison.runs[column], result.runs[column], rtol=1e-5)


def test_one_activation_object_in_two_places_counts_twice(pair, result):
    relu = nn.ReLU()
    a, b = (nn.Sequential(net[0], relu, net[2], relu, net[4]) for net in pair)
    comparison = compare(a, b, train=TRAIN, test=TEST)
    pd.testing.assert_frame_equal(numbers(comparison.to_frame()), numbers(result.to_frame()), rtol=0, atol=0)


def test_biases_and_other_activations_are_permuted_too():
    a, b = (network(seed, (64, 12, 16, 10), bias=True, activation=nn.Tanh) for seed in (1, 2))
    comparison = compare(a, b, train=TRAIN, test=TEST, points=3)
    module = copy.deepcopy(b)
    for matching in METHODS:
        module.load_state_dict(comparison.aligned[matching])
        assert torch.equal(module[0].bias, b[0].bias[comparison.permutations[matching]["0"]])
        with torch.no_grad():
            torch.testing.assert_close(module(TEST[0]), b(TEST[0]), rtol=0, atol=1e-5 * float(b(TEST[0]).abs().max()))
    assert (comparison.runs.function_gap < 1e-5).all()


class Wrapped(nn.Module):
    """A network that is no Sequential, and computes the same."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.first, self.second, self.last = (copy.deepcopy(part) for part in net if isinstance(part, nn.Linear))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(torch.relu(self.second(torch.relu(self.first(inputs)))))


AXES = {"first.weight": ("first", None), "second.weight": ("second", "first"), "last.weight": (None, "second")}


@pytest.mark.parametrize("spec", [None, AXES, PermutationSpec(AXES)], ids=["traced", "mapping", "specification"])
def test_a_module_traced_or_with_a_permutation_specification_gives_the_numbers_of_the_sequential(pair, result, spec):
    comparison = compare(Wrapped(pair[0]), Wrapped(pair[1]), train=TRAIN, test=TEST, permutation_spec=spec)
    for column in ("loss_a", "loss_barrier", "loss_midpoint", "error_midpoint", "output_gap", "output_scale", "distance"):
        np.testing.assert_allclose(comparison.runs[column], result.runs[column], rtol=1e-5, atol=1e-6)
    for matching in METHODS:
        for here, other in (("first", "0"), ("second", "2")):
            np.testing.assert_array_equal(comparison.permutations[matching][here], result.permutations[matching][other])
    # What a certificate needs to know of the layers is known of a Sequential only.
    assert set(comparison.runs["certificate_status"]) == {"none"}
    assert set(result.runs["certificate_status"]) <= {"holds", "vacuous"}
    assert comparison.runs["certificate"].isna().all()
    np.testing.assert_allclose(comparison.layers["recursion_tolerance"], result.layers["recursion_tolerance"])


def test_no_group_is_called_as_the_inputs_are():
    nets = [
        nn.Sequential(OrderedDict(input=nn.Linear(64, 64, bias=False), act=nn.ReLU(), last=nn.Linear(64, 10, bias=False))) for _ in range(2)
    ]
    spec = {"input.weight": ("input", None), "last.weight": (None, "input")}
    with pytest.raises(InputError, match="cannot be called 'input', which stands for the network's own inputs; give it another name"):
        compare(*nets, train=TRAIN, test=TEST, permutation_spec=spec)
    result = compare(*nets, train=TRAIN, test=TEST, points=3)
    named = compare(*nets, train=TRAIN, test=TEST, permutation_spec={"input.weight": ("h", None), "last.weight": (None, "h")}, points=3)
    for method in ("weights", "covariance", "activations"):
        assert list(result.permutations[method]) == ["input.weight"]
        np.testing.assert_array_equal(result.permutations[method]["input.weight"], named.permutations[method]["h"])


def test_settings_reach_their_method_and_the_transport_those_that_name_none():
    methods = build_methods(("weights", "activations", "weights"), {"weights": {"biases": True}}, "assignment")
    assert methods == (Weights(biases=True, transport="assignment"), Activations(transport="assignment"))
    assert build_methods("weights", {"weights": {"transport": "emd"}}, "assignment") == (Weights(transport="emd"),)


def with_nan(net: nn.Sequential) -> nn.Sequential:
    net[2].weight.data[0, 0] = torch.nan
    return net


def renamed(net: nn.Sequential) -> nn.Sequential:
    return nn.Sequential(net[0], nn.Tanh(), *net[2:])


class Residual(nn.Sequential):
    """A Sequential that does not do what a Sequential does."""

    def forward(self, inputs: Tensor) -> Tensor:
        return 2 * super().forward(inputs)


SIZES = (64, 5, 10)
KNOWN = (
    "activations, annealing, covariance, folding, frank_wolfe, identity, learned_maps, otfusion, procrustes, random, rebasin, rebasin_covariance, sinkhorn, "
    "straight_through, weights"
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a": Wrapped(network(0))}, "network A and network B differ in 'first.weight': (40, 64) against missing."),
        ({"b": nn.Linear(64, 10)}, "network A and network B differ: a Sequential against a Linear."),
        ({"a": Residual(*network(0, SIZES))}, "network A and network B do not compute the same function of their weights"),
        (
            {"a": nn.Sequential(nn.Linear(64, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 10, bias=False))},
            "network A and network B differ in '0.bias': (5,) against missing.",
        ),
        (
            {"a": network(0, (64, 10)), "b": network(1, (64, 10))},
            "a Sequential has no neurons that can be relabelled. "
            "print(lmc_sweeps.trace(network, inputs)) shows its axes; a `permutation_spec` of your own may name groups.",
        ),
        ({"b": network(0, (64, 6, 10))}, "network A and network B differ in '0.weight': (5, 64) against (6, 64)."),
        ({"b": network(0, (64, 5, 5, 10))}, "network A and network B differ: Layer(name='2', has_bias=False, after=()) against"),
        ({"b": network(0, SIZES, bias=True)}, "network A and network B differ: Layer(name='0', has_bias=False, after=(ReLU(),)) against"),
        ({"b": renamed(network(0, SIZES))}, "against Layer(name='0', has_bias=False, after=(Tanh(),))."),
        ({"a": with_nan(network(0, SIZES))}, "networks must have finite weights, and '2.weight' has others."),
        ({"matching": ("weight",)}, f"`matching` must be one of {KNOWN}, got 'weight'. Did you mean 'weights'?"),
        ({"matching": "hungarian"}, f"`matching` must be one of {KNOWN}, got 'hungarian'."),
        ({"matching": ()}, "`matching` must name at least one method, got none."),
        ({"transport": "auction"}, "`matching.weights.transport` must be one of assignment, emd, sinkhorn, got 'auction'."),
        ({"settings": {"weights": {"bias": 1}}}, "`matching.weights.bias` is not a key; the keys at `matching.weights` are biases, epsilon, outgoing, shuffled, transport."),
        ({"settings": {"covar": {}}}, "`settings.covar` is not a key; the keys at `settings` are activations, covariance, weights."),
        ({"points": 10}, "`points` must be an odd integer of at least 3 (so that t = 0, 1/2 and 1 are there), got 10."),
        ({"seed": -1}, "`seed` must be a non-negative integer below 18446744073709551616, got -1."),
        ({"batch_size": 0}, "`batch_size` must be a positive integer, got 0."),
        ({"batch_size": "large"}, "`batch_size` must be a positive integer or 'auto', got 'large'."),
        ({"train_examples": 0}, "`train_examples` must be a positive integer, got 0."),
        ({"max_examples": 2.5}, "`max_examples` must be a positive integer, got 2.5."),
        ({"progress": "yes"}, "`progress` must be true or false, got 'yes'."),
        ({"criterion": "nll"}, "`criterion` must be one of binary_cross_entropy, cross_entropy, squared_error, got 'nll'."),
        ({"device": "tpu"}, "`device` must be one of auto, cpu, cuda, cuda:0, cuda:1, ..., got 'tpu'."),
        ({"train": TRAIN[0]}, "`train` must be a pair (inputs, labels) of tensors, a map-style dataset or a DataLoader, got Tensor."),
        ({"test": (TEST[0], None)}, "`test` must be a pair (inputs, labels) of tensors, a map-style dataset or a DataLoader, got tuple."),
        ({"test": iter([])}, "`test` must be a pair (inputs, labels) of tensors, a map-style dataset or a DataLoader, got list_iterator."),
        ({"train": (TRAIN[0], TRAIN[1][:-1])}, "`train` needs one label per input, got inputs (1437, 64) and labels (1436,)."),
        ({"test": (TEST[0], F.one_hot(TEST[1]))}, "outputs have shape (examples, 10) and labels (360, 10) in int64; one-hot labels become classes by `labels.argmax(-1)`, with criterion='cross_entropy'."),
        ({"test": (TEST[0][:0], TEST[1][:0])}, "`test` has no examples: its inputs have shape (0, 64)."),
        ({"test": (TEST[0], TEST[1] + 1)}, "`test` must have labels in 0, ..., 9, got labels from 1 to 10."),
        ({"train": (TRAIN[0], -100 * TRAIN[1])}, "`train` must have labels in 0, ..., 9, got labels from -900 to 0."),
        ({"train": (TRAIN[0][:, :50], TRAIN[1])}, "`train` has inputs of shape (50,) in float32, which network A does not take: its forward raised RuntimeError: "),
        ({"permutation_spec": {"0.weight": ("0", None), "2.weight": (None, None)}}, "the permutation specification does not keep the network's function: relabelling the 5 neurons of group '0' changes its logits"),
        ({"permutation_spec": {"0.weight": ("0", None), "2.weight": (None, "1")}}, "group '1' is on no parameter's first axis, that of its outputs (2.weight only), so that no method can match it: name what computes it, or give None there."),
        ({"permutation_spec": {"0.weight": ("0", None), "4.weight": (None, "0")}}, "the permutation specification names '4.weight', which"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_what_is_wrong(changes, message):
    arguments = {"a": network(0, SIZES), "b": network(1, SIZES), "train": TRAIN, "test": TEST, "matching": METHODS, **changes}
    with pytest.raises(InputError, match=re.escape(message)):
        compare(arguments.pop("a"), arguments.pop("b"), **arguments)
