"""The proof fails where a graph is wrong."""

import dataclasses

import numpy as np
import pytest
import torch
from traced_networks import NETWORKS, graph_of

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.axes import Axis, Factor
from lmc_sweeps.symmetry.proof import SEEN, Evaluation, prove
from lmc_sweeps.symmetry.tracing import trace


@pytest.mark.parametrize("name", ["conv2d", "resnet20 batch", "densenet", "gpt"])
def test_a_graph_with_any_axis_of_any_tensor_fixed_or_freed_is_found_out(name: str) -> None:
    torch.manual_seed(0)
    module, example, graph = NETWORKS[name].make(), NETWORKS[name].example(), graph_of(name)
    rng = np.random.default_rng(0)
    wrong = 0
    for tensor, axes in graph.axes.items():
        for k, axis in enumerate(axes):
            if axis.groups and wrong < 6:
                fixed = (*axes[:k], Axis(((Factor(axis.size),),), axis.reads), *axes[k + 1 :])
                broken = dataclasses.replace(graph, axes={**graph.axes, tensor: fixed})
                assert prove(module, broken, example, rng).gap > SEEN, (tensor, k)
                wrong += 1
    assert wrong >= 5


def test_a_group_that_nothing_distinguishes_is_idle() -> None:
    """Two zeros beside the neurons: their places can be exchanged, and nothing would show it if they could not."""

    class Padded(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = torch.nn.Linear(3, 4), torch.nn.Linear(6, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(torch.nn.functional.pad(torch.relu(self.a(x)), (0, 2)))

    module, example = Padded(), torch.randn(2, 3)
    proof = prove(module, trace(module, example), example, np.random.default_rng(0))
    assert proof.gap < 1e-12
    assert proof.idle == ("b[1]",)
    assert not proof.holds


def test_a_tensor_that_the_graph_lacks_is_named() -> None:
    module, example, graph = NETWORKS["mlp"].make(), NETWORKS["mlp"].example(), graph_of("mlp")
    axes = {name: axes for name, axes in graph.axes.items() if name != "2.bias"}
    with pytest.raises(InputError, match=r"must have an entry for every parameter and buffer, and lacks 2\.bias\.$"):
        prove(module, dataclasses.replace(graph, axes=axes), example, np.random.default_rng(0))


class Masked(torch.nn.Module):
    """Outputs of which some are not finite, and hidden neurons among them."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.a, self.b, self.value = torch.nn.Linear(3, 8), torch.nn.Linear(8, 2), value

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = torch.relu(self.a(x))
        return self.b(h), (h * torch.arange(8)).masked_fill(torch.arange(8) % 2 == 0, self.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_hides_no_wrong_graph_and_breaks_no_right_one(value: float) -> None:
    module, example = Masked(value), torch.randn(2, 3)
    plain = torch.nn.Sequential(module.a, torch.nn.ReLU(), module.b)
    free = trace(plain, example)
    axes = dict(zip(("a.weight", "a.bias", "b.weight", "b.bias"), free.axes.values(), strict=True))
    assert not prove(module, dataclasses.replace(free, axes=axes), example, np.random.default_rng(0)).holds
    graph = trace(module, example)
    assert graph.sizes == {}
    assert prove(module, graph, example, np.random.default_rng(0)).holds


def test_a_module_whose_code_does_not_take_float64_is_proved_in_its_own_type() -> None:
    class Single(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = torch.nn.Linear(3, 8), torch.nn.Linear(8, 2)

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = self.b(torch.relu(self.a(x)) + torch.ones(8, dtype=torch.float32).matmul(torch.ones(8, dtype=self.a.weight.dtype)) * 0)
            return {"logits": logits, "positive": logits > 0}

    module, example = Single(), torch.randn(2, 3)
    proof = prove(module, trace(module, example), example, np.random.default_rng(0))
    assert proof.holds
    assert proof.rounding == 1e-4


def test_a_group_on_both_axes_of_one_tensor_is_seen() -> None:
    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = torch.nn.Parameter(torch.randn(8, 5))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.linear(torch.relu(torch.nn.functional.linear(x, self.w)), self.w.t())

    module, example = Tied(), torch.randn(2, 5)
    graph = trace(module, example)
    assert graph.sizes == {"w": 8}
    assert prove(module, graph, example, np.random.default_rng(0)).gap < 1e-12


class Rooted(torch.nn.Module):
    """Neurons with biases, and outputs with a scale whose root is taken, or its square."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power, self.hidden, self.scale = power, torch.nn.Linear(3, 5), torch.nn.Parameter(torch.ones(5))
        self.register_buffer("variance", torch.ones(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.hidden(x) * self.scale**self.power / self.variance.sqrt()


@pytest.mark.parametrize(("power", "negative"), [(2.0, 2), (0.5, 0)])
def test_half_of_what_is_drawn_of_parameters_is_negative_where_outputs_stay_finite(power: float, negative: int) -> None:
    module, example = Rooted(power), torch.randn(2, 3)
    function = Evaluation(module, trace(module, example), example, np.random.default_rng(0), both_signs=True)
    for name in ("hidden.bias", "scale"):
        assert int((function.tensors[name] < 0).sum()) in (negative, negative + bool(negative)), name
    assert bool((function.tensors["variance"] > 0).all())
    assert function.gap(function.tensors) == 0
