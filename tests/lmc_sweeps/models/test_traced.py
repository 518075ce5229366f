"""The contract of models that give a module alone: ours, and modules that anybody may write."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_models import KINDS, MODELS, drawn
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.measuring.evaluation import function_gap
from lmc_sweeps.models.base import Shape, stacked, unstack
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.models.traced import TracedModel
from lmc_sweeps.models.vgg import Vgg
from lmc_sweeps.symmetry.proof import ROUNDING, prove
from lmc_sweeps.symmetry.tracing import trace

ALL = pytest.mark.parametrize("name", MODELS)
OF_EVERY_KIND = pytest.mark.parametrize("name", KINDS)


def network_graph(name: str):
    return MODELS[name].architecture.graph(drawn(name, 0))


def permutations(name: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Return an order of every group in which no neuron stays."""
    rng = np.random.default_rng(seed)
    orders = {}
    for group, size in network_graph(name).sizes.items():
        cycle = rng.permutation(size)
        orders[group] = np.empty(size, int)
        orders[group][cycle] = np.roll(cycle, 1)
    return orders


@ALL
def test_groups_are_those_counted_by_hand_and_cover_every_tensor_of_a_network(name: str) -> None:
    graph = network_graph(name)
    assert sorted(graph.sizes.values()) == sorted(MODELS[name].sizes)
    assert graph.limits == ()
    sizes = {key: tuple(axis.size for axis in axes) for key, axes in graph.axes.items()}
    assert sizes == {key: tuple(tensor.shape) for key, tensor in drawn(name, 0).items()}


@ALL
def test_the_graph_is_proved_and_every_group_is_seen(name: str) -> None:
    module = MODELS[name].architecture.module(drawn(name, 0))
    proof = prove(module, network_graph(name), MODELS[name].inputs(), np.random.default_rng(1), draws=1)
    assert proof.gap <= ROUNDING
    assert proof.idle == ()


@OF_EVERY_KIND
def test_the_graph_of_a_module_without_values_is_that_of_the_module_itself(name: str) -> None:
    assert trace(MODELS[name].architecture.module(drawn(name, 0)), MODELS[name].inputs()) == network_graph(name)


@ALL
def test_a_relabelled_network_is_the_same_function_and_one_that_is_relabelled_in_part_is_not(name: str) -> None:
    small, network, orders = MODELS[name], drawn(name, 0), permutations(name)
    inputs = small.inputs(8)
    assert function_gap(small.architecture, network, orders, inputs) < 1e-5
    graph, module = network_graph(name), small.architecture.module(network)
    for group in graph.groups:
        holder, axis = next((key, k) for key, k in graph.holders(group) if len(graph.axes[key]) > 1)
        axes = [each.without({group}) if k == axis else each for k, each in enumerate(graph.axes[holder])]
        wrong = replace(graph, axes={**graph.axes, holder: tuple(axes)})
        assert function_gap(TorchModule(module, wrong), network, {group: orders[group]}, inputs) > 1e-4, group


@ALL
@torch.no_grad()
def test_a_stack_is_its_networks_one_by_one(name: str) -> None:
    small, networks = MODELS[name], [drawn(name, seed) for seed in (0, 1)]
    logits = small.architecture.forward(stacked(networks), small.inputs())
    for k, network in enumerate(networks):
        expected = small.architecture.module(network)(small.inputs())
        torch.testing.assert_close(logits[k], expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    positions = small.shape.inputs if name.startswith("gpt") else ()
    assert logits.shape == (2, 4, *positions, small.shape.classes)


@ALL
@torch.no_grad()
def test_training_normalises_by_the_batch_and_returns_the_statistics_of_batch_norms_alone(name: str) -> None:
    small, stack = MODELS[name], stacked([drawn(name, seed) for seed in (0, 1)])
    inputs = torch.stack([small.inputs(seed=seed) for seed in (1, 2)])
    logits, buffers = small.architecture.training_forward(stack, inputs)
    assert buffers.keys() == {key for key in stack if "running" in key} == network_graph(name).buffers
    assert bool(buffers) == (getattr(small.model, "norm", "") == "batch")
    for k in range(2):
        module = small.architecture.module(unstack(stack, k)).train()  # of dropout there is none
        expected = module(inputs[k])
        torch.testing.assert_close(logits[k], expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
        for key, buffer in buffers.items():
            torch.testing.assert_close(buffer[k], module.state_dict()[key], rtol=1e-4, atol=1e-5)


@OF_EVERY_KIND
def test_counts_are_what_pytorch_counts_while_a_network_runs(name: str) -> None:
    small, network = MODELS[name], drawn(name, 0)
    counts = small.model.counts(small.shape)
    module, inputs = small.architecture.module(network), small.inputs(1)  # proved before: that runs it too
    # The fused kernel of causal attention is none that it knows.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        module(inputs)
    assert counts.operations == counter.get_total_flops()
    assert counts.parameters == sum(tensor.numel() for tensor in network.values())
    assert counts.neurons == network_graph(name).sizes
    assert counts.operations_at_ends == 0


@ALL
def test_equal_seeds_give_equal_bits_and_others_do_not(name: str) -> None:
    small = MODELS[name]
    one, same, other = (small.model.initial(small.shape, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert all(torch.equal(tensor, same[key]) for key, tensor in one.items())
    assert not torch.equal(one["head.weight"], other["head.weight"])
    assert all(tensor.dtype == torch.float32 and not tensor.requires_grad for tensor in one.values())


@ALL
def test_the_sizes_of_the_tensors_are_those_of_a_network_that_is_drawn(name: str) -> None:
    sizes = MODELS[name].model.tensor_sizes(MODELS[name].shape)
    assert list(sizes.items()) == [(key, tuple(tensor.shape)) for key, tensor in drawn(name, 0).items()]


def test_a_network_that_no_machine_could_draw_has_its_sizes_and_counts() -> None:
    shape = Shape((3, 32, 32), 2**20, 1, 10)  # some 10^15 parameters
    assert Vgg().tensor_sizes(shape)["head.weight"] == (10, 8 * 2**20)
    factors = (1, 2, 4, 4, 8, 8, 8, 8)
    products = 27 * 2**20 + sum(9 * one * two * 2**40 for one, two in zip(factors, factors[1:], strict=False)) + 10 * 8 * 2**20
    vectors = 4 * sum(factors) * 2**20 + 10  # scales, shifts and statistics of batch norms
    assert Vgg().counts(shape).parameters == products + vectors
    with pytest.raises(InputError, match=r"^`width` must be at most 16,777,216 for model=vgg, got 16777217\.$"):
        Vgg().tensor_sizes(Shape((3, 32, 32), 2**24 + 1, 1, 10))


class Own(nn.Module):
    """Gated hidden neurons; whether they are computed in another way, by what a test asks for."""

    def __init__(self, shape: Shape, kind: str) -> None:
        super().__init__()
        self.value, self.gate = nn.Linear(shape.n_inputs, shape.width), nn.Linear(shape.n_inputs, shape.width)
        self.head, self.kind = nn.Linear(shape.width, shape.classes, bias=False), kind
        if kind == "tied":
            self.gate.weight = self.value.weight
        if kind == "reads a value":
            self.scale = float(torch.rand(1))
        if kind in ("saved", "constant"):
            self.register_buffer("shift", torch.full((shape.width,), 0.5), persistent=kind == "saved")

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.value(x) * torch.sigmoid(self.gate(x)) + getattr(self, "shift", 0)
        if self.kind == "random":
            hidden = hidden + torch.rand_like(hidden)
        if self.kind == "ordered":
            hidden = hidden.cumsum(1)
        if self.kind == "on the CPU":
            hidden = hidden * torch.tensor(np.full(1, 2.0), dtype=x.dtype)
        return self.head(F.relu(hidden))


@dataclass(frozen=True, kw_only=True)
class OwnModel(TracedModel):
    name: ClassVar[str] = "own"
    kind: str = "plain"

    def module(self, shape: Shape) -> nn.Module:
        return Own(shape, self.kind)


SHAPE = Shape((5,), 6, 1, 3)
NAMES = ("value.weight", "value.bias", "gate.weight", "gate.bias", "head.weight")


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("plain", NAMES), ("reads a value", NAMES), ("on the CPU", NAMES), ("saved", ("shift", *NAMES)),
        ("tied", ("value.weight", "value.bias", "gate.bias", "head.weight")),
    ],
)  # fmt: skip
def test_a_module_of_anybodys_is_a_model(kind: str, names: tuple[str, ...]) -> None:
    model = OwnModel(kind=kind)
    network, inputs = model.initial(SHAPE, np.random.default_rng(0)), torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    assert sorted(network) == sorted(names)
    assert model.tensor_sizes(SHAPE) == {name: tuple(tensor.shape) for name, tensor in network.items()}
    architecture = model.architecture(SHAPE)
    assert architecture.graph(network).sizes == {"value": 6}
    assert function_gap(architecture, network, {"value": np.roll(np.arange(6), 1)}, inputs) < 1e-6
    torch.testing.assert_close(architecture.forward(stacked([network]), inputs)[0], architecture.module(network)(inputs))
    assert model.counts(SHAPE).operations == 2 * (2 * 5 * 6 + 6 * 3)


def test_no_generator_outside_moves_or_matters() -> None:
    shape = Shape((5,), 11, 1, 3)  # no other test's
    with torch.random.fork_rng():
        torch.manual_seed(7)
        before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        one = OwnModel().initial(shape, np.random.default_rng(0))
        OwnModel().architecture(shape), OwnModel().counts(shape)
        assert torch.equal(torch.random.get_rng_state(), before[0])
        assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
        torch.manual_seed(8)
        assert all(torch.equal(tensor, one[name]) for name, tensor in OwnModel().initial(shape, np.random.default_rng(0)).items())


def test_a_model_is_traced_once_for_its_settings_and_a_shape() -> None:
    assert OwnModel().architecture(SHAPE) is OwnModel().architecture(Shape((5,), 6, 1, 3))
    assert OwnModel().architecture(SHAPE) is not OwnModel(kind="saved").architecture(SHAPE)
    assert OwnModel().architecture(SHAPE) is not OwnModel().architecture(replace(SHAPE, width=7))


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("random", r"^model=own: its outputs change by .* of the largest where its neurons are relabelled: its module does not compute the same"),
        ("constant", r"^model=own: it has no neurons that can be relabelled\.$"),
        ("ordered", r"^model=own: it has no neurons that can be relabelled\. cumsum leaves value\.weight, value\.bias, gate\.weight and 2 more in their order\.$"),
    ],
)  # fmt: skip
def test_modules_that_cannot_be_matched_are_refused(kind: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        OwnModel(kind=kind).architecture(SHAPE)


def test_what_a_module_leaves_in_its_order_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    @dataclass(frozen=True, kw_only=True)
    class InPart(TracedModel):
        name: ClassVar[str] = "in_part"

        def module(self, shape: Shape) -> nn.Module:
            return nn.Sequential(Own(replace(shape, classes=8), "ordered"), nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, shape.classes))

    graph = InPart().architecture(SHAPE).graph({})
    assert sorted(graph.sizes.values()) == [7, 8]
    assert "model=in_part: cumsum leaves 0.value.weight, 0.value.bias, 0.gate.weight and 2 more in their order." in caplog.text
