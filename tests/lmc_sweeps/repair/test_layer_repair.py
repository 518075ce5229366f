"""What repairs of hidden layers share: the ends stay, dead neurons, layers without bias, and which examples are looked at."""

import pytest
import torch
from repaired_lines import T, convolutional, moments, perceptron, targets
from torch import nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split, spread
from lmc_sweeps.models.base import stacked, unstack
from lmc_sweeps.repair.repair import LayerwiseRepair
from lmc_sweeps.repair.repair_closed_form import ClosedFormRepair
from lmc_sweeps.repair.rescale import Rescale

REPAIRS = [LayerwiseRepair, Rescale, ClosedFormRepair]


@pytest.mark.parametrize("kind", REPAIRS)
@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_the_ends_do_not_change_to_the_bit_and_the_outputs_layer_nowhere(kind, make) -> None:
    line, train = make()
    stack = line.at(T)
    repaired = kind().between(line.architecture, line.a, line.b, train)(stack, T)
    for name, tensor in stack.items():
        assert torch.equal(repaired[name][[0, -1]], tensor[[0, -1]])
    outputs = list(stack)[-2:]
    assert all(torch.equal(repaired[name], stack[name]) for name in outputs)


@pytest.mark.parametrize("kind", REPAIRS)
def test_equal_ends_leave_nothing_to_repair(kind) -> None:
    line, train = perceptron()
    stack = {name: tensor.expand(len(T), *tensor.shape) for name, tensor in line.a.items()}
    repaired = kind().between(line.architecture, line.a, line.a, train)(stack, T)
    for name, tensor in stack.items():
        torch.testing.assert_close(repaired[name], tensor, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", REPAIRS)
def test_repairs_move_with_the_neurons(kind) -> None:
    line, train = perceptron()
    orders = {"hidden_1": torch.randperm(12, generator=torch.Generator().manual_seed(0)).numpy()}
    graph = line.architecture.graph(line.a)
    moved = type(line)(line.architecture, graph.apply(line.a, orders), graph.apply(line.b, orders))
    repaired, of_moved = (
        kind().between(each.architecture, each.a, each.b, train)(each.at(T), T)["hidden_1.weight"] for each in (line, moved)
    )
    torch.testing.assert_close(repaired[:, orders["hidden_1"]], of_moved, rtol=1e-10, atol=1e-12)


def test_a_neuron_that_is_constant_on_the_path_is_shifted_only() -> None:
    line, train = perceptron()
    b = {name: tensor.clone() for name, tensor in line.b.items()}
    b["hidden_1.weight"][3] = -line.a["hidden_1.weight"][3]  # halfway it sees nothing
    line = type(line)(line.architecture, line.a, b)
    repaired = LayerwiseRepair().between(line.architecture, line.a, b, train)(line.at(T), T)
    mean, deviation = moments(line.architecture, repaired, train.inputs)["hidden_1.weight"]
    target = targets(line, train.inputs)["hidden_1.weight"][0]
    assert deviation[2, 3] == 0
    torch.testing.assert_close(mean, target, rtol=1e-9, atol=1e-12)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in repaired.values())


def test_layers_without_a_bias_are_rescaled_but_not_shifted() -> None:
    line, train = perceptron(bias=False)
    assert not LayerwiseRepair().applies(line.architecture)
    assert not ClosedFormRepair().applies(line.architecture)
    assert LayerwiseRepair().notes(line.architecture) == (
        "repair: layers without a bias cannot be shifted and were left as they are: hidden_1.weight, hidden_2.weight, hidden_3.weight.",
    )
    assert Rescale().applies(line.architecture)
    assert Rescale().notes(line.architecture) == ()
    stack = line.at(T)
    unchanged = LayerwiseRepair().between(line.architecture, line.a, line.b, train)(stack, T)
    assert all(torch.equal(unchanged[name], tensor) for name, tensor in stack.items())


def test_a_network_without_hidden_layers_has_nothing_to_repair() -> None:
    from normalised_networks import by_hand

    code = by_hand(nn.Sequential(nn.Linear(3, 2)).double())
    assert not Rescale().applies(code)
    assert Rescale().notes(code) == ("rescale: there is no linear layer inside of the network, so nothing was repaired.",)


@pytest.mark.parametrize("kind", REPAIRS)
def test_some_of_the_examples_are_those_alone(kind) -> None:
    line, train = perceptron()
    rows = spread(len(train), 20)
    few = Split(train.inputs[rows], train.labels[rows])
    expected = kind().between(line.architecture, line.a, line.b, few)(line.at(T), T)
    repaired = kind(examples=20).between(line.architecture, line.a, line.b, train)(line.at(T), T)
    assert all(torch.equal(repaired[name], tensor) for name, tensor in expected.items())
    with pytest.raises(InputError, match=rf"`repair.{kind.name}.examples` must be an integer of at least 2, got 1"):
        kind(examples=1)


@pytest.mark.parametrize("kind", REPAIRS)
def test_a_stack_is_its_networks_one_by_one(kind) -> None:
    line, train = perceptron()
    repaired_at = kind().between(line.architecture, line.a, line.b, train)
    together = repaired_at(line.at(T), T)
    for k in range(len(T)):
        alone = repaired_at(stacked([unstack(line.at(T), k)]), T[k : k + 1])
        for name, tensor in alone.items():
            torch.testing.assert_close(together[name][k], tensor[0], rtol=1e-12, atol=1e-12)
