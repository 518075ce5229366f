"""Paths: against interpolation by hand, each other, and what is known of their shapes."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from normalised_networks import CLASSES, architecture, convolutions, drawn, split, tensors
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.measuring.evaluation import evaluate, evaluate_line, evaluate_path
from lmc_sweeps.measuring.paths import MOST_NETWORKS, MOST_NUMBERS, LayerSubset, Line, OutputEnsemble, Repaired, WeightPath, layers
from lmc_sweeps.models.base import Architecture, Shape, stacked, unstack
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.repair.reset import Reset

A, B = (tensors(drawn(convolutions, seed)) for seed in (0, 1))
T = line_points(5)
POINTS = torch.from_numpy(T)


def chain(dtype: torch.dtype = torch.float32) -> tuple[Architecture, dict[str, Tensor], dict[str, Tensor], Split]:
    """Return a multilayer perceptron, two networks of it, and data."""
    settings, shape = Mlp(), Shape((6,), 16, 2, CLASSES)
    a, b = (settings.initial(shape, np.random.default_rng(seed)) for seed in (0, 1))
    data = split(60, dtype=dtype)
    flat = Split(data.inputs.flatten(1)[:, :6].contiguous(), data.labels)
    code = settings.architecture(shape)
    return code, *({name: tensor.to(dtype) for name, tensor in network.items()} for network in (a, b)), flat


def paths() -> dict[str, WeightPath]:
    line = Line(architecture(), A, B)
    return {
        "line": line,
        "some layers": LayerSubset(architecture(), A, B, ("0.weight", "1.running_var"), base="b"),
        "repaired": Repaired(line, Reset(batch_size=8), split(20)),
        "not repaired": Repaired(line, NoRepair(), split(20)),
    }


def test_the_line_is_the_interpolation_of_every_tensor_and_its_outputs_those_of_the_modules() -> None:
    stack, inputs = Line(architecture(), A, B).at(POINTS), split(7).inputs
    outputs = Line(architecture(), A, B).outputs(POINTS)(inputs)
    for k, t in enumerate(T):
        expected = {name: (1 - t) * A[name] + t * B[name] for name in A}
        for name, tensor in expected.items():
            torch.testing.assert_close(stack[name][k], tensor, rtol=1e-14, atol=1e-14)
        torch.testing.assert_close(outputs[k], architecture().module(expected)(inputs), rtol=1e-11, atol=1e-12)


def test_the_line_of_a_chain_goes_its_fast_way_to_the_bit() -> None:
    code, a, b, data = chain()
    expected = evaluate_line(code, a, b, [{}], T, data)
    scores = evaluate_path(Line(code, a, b), T, data)
    np.testing.assert_array_equal(scores.loss, expected.loss[0])
    np.testing.assert_array_equal(scores.error, expected.error[0])


@pytest.mark.parametrize("name", ["line", "some layers", "repaired", "not repaired"])
def test_outputs_are_those_of_the_networks_at_t(name: str) -> None:
    path, inputs = paths()[name], split(7, seed=3).inputs
    torch.testing.assert_close(path.outputs(POINTS)(inputs), architecture().forward(path.at(POINTS), inputs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("base", ["a", "b"])
def test_of_some_layers_only_these_move(base: str) -> None:
    names = ("3.weight", "3.bias", "1.running_mean")
    stack = LayerSubset(architecture(), A, B, names, base).at(POINTS)
    line = Line(architecture(), A, B).at(POINTS)
    for name in A:
        expected = line[name] if name in names else torch.stack([(A if base == "a" else B)[name]] * len(T))
        assert torch.equal(stack[name], expected)


@pytest.mark.parametrize("base", ["a", "b"])
def test_all_layers_are_the_line(base: str) -> None:
    code, a, b, data = chain(torch.float64)
    for network, ends, examples in ((code, (a, b), data), (architecture(), (A, B), split(30))):
        line = evaluate_path(Line(network, *ends), T, examples)
        subset = evaluate_path(LayerSubset(network, *ends, tuple(ends[0]), base), T, examples)
        np.testing.assert_allclose(subset.loss, line.loss, rtol=1e-10)
        np.testing.assert_array_equal(subset.error, line.error)


@pytest.mark.parametrize("base", ["a", "b"])
def test_in_the_last_layer_alone_the_loss_is_convex_and_so_below_its_own_chord(base: str) -> None:
    code, a, b, data = chain(torch.float64)
    t = line_points(25)
    loss = evaluate_path(LayerSubset(code, a, b, layers(a)["output"], base), t, data).loss
    assert (np.diff(loss, 2) >= -1e-12).all()
    assert (loss <= (1 - t) * loss[0] + t * loss[-1] + 1e-12).all()
    assert loss[0 if base == "a" else -1] == pytest.approx(
        float(evaluate(code, stacked([a if base == "a" else b]), data).loss[0]), rel=1e-12
    )


def test_layers_are_the_tensors_of_one_prefix_and_together_all_tensors() -> None:
    assert layers(A)["1"] == ("1.weight", "1.bias", "1.running_mean", "1.running_var")
    assert sorted(name for names in layers(A).values() for name in names) == sorted(A)
    assert layers({"weight": torch.ones(1)}) == {"": ("weight",)}


def test_layers_and_bases_that_there_are_not_are_refused() -> None:
    with pytest.raises(InputError, match="^`names` must be one of .*0.weight.*, got 'four.weight'"):
        LayerSubset(architecture(), A, B, ("four.weight",))
    with pytest.raises(InputError, match="^`base` must be one of a, b, got 'c'"):
        LayerSubset(architecture(), A, B, (), "c")


def test_an_ensemble_mixes_logits_and_its_ends_are_a_and_b_to_the_bit() -> None:
    code, a, b, data = chain()
    z_a, z_b = code.forward(stacked([a, b]), data.inputs)
    outputs = OutputEnsemble(code, a, b).outputs(POINTS)(data.inputs)
    assert torch.equal(outputs[0], z_a)
    assert torch.equal(outputs[-1], z_b)
    torch.testing.assert_close(outputs[2], (z_a + z_b) / 2)
    scores, ends = evaluate_path(OutputEnsemble(code, a, b), T, data), evaluate(code, stacked([a, b]), data)
    np.testing.assert_array_equal(scores.loss[[0, -1]], ends.loss)
    np.testing.assert_array_equal(scores.error[[0, -1]], ends.error)


def test_the_loss_of_an_ensemble_is_below_the_chord() -> None:
    code, a, b, data = chain(torch.float64)
    loss = evaluate_path(OutputEnsemble(code, a, b), T, data).loss
    assert (loss <= (1 - T) * loss[0] + T * loss[-1] + 1e-12).all()


@pytest.mark.parametrize("repair", [NoRepair(), Reset()])
def test_a_path_that_is_not_repaired_is_the_path_to_the_bit(repair) -> None:
    code, a, b, data = chain()  # which has no batch norm
    for path in (Line(code, a, b), LayerSubset(code, a, b, ("output.weight",))):
        repaired = Repaired(path, repair, data)
        expected, scores = (evaluate_path(each, T, data) for each in (path, repaired))
        np.testing.assert_array_equal(scores.loss, expected.loss)
        np.testing.assert_array_equal(scores.error, expected.error)
        assert repaired.points_at_once() == path.points_at_once()


def test_every_network_of_a_reset_path_is_reset_the_ends_too() -> None:
    train, line = split(20), Line(architecture(), A, B)
    path = Repaired(line, Reset(batch_size=8), train)
    stack = path.at(POINTS)
    for k in range(len(T)):
        alone = Reset(batch_size=8).reset(architecture(), stacked([unstack(line.at(POINTS), k)]), train)
        for name, tensor in alone.items():
            torch.testing.assert_close(stack[name][k], tensor[0], rtol=1e-12, atol=1e-12)
    assert not torch.equal(stack["1.running_mean"][0], A["1.running_mean"])
    test = split(30, seed=5)
    ends = evaluate(architecture(), Reset(batch_size=8).reset(architecture(), stacked([A, B]), train), test)
    np.testing.assert_allclose(evaluate_path(path, T, test).loss[[0, -1]], ends.loss, rtol=1e-11)


def test_of_a_path_evaluated_in_chunks_every_point_is_what_it_is_alone() -> None:
    train, data, t = split(20), split(30, seed=5), line_points(2 * MOST_NETWORKS + 3)
    path, shown = Repaired(Line(architecture(), A, B), Reset(batch_size=8), train), []
    scores = evaluate_path(path, t, data, batch_size=11, progress=shown.append)
    assert shown == [MOST_NETWORKS, 2 * MOST_NETWORKS, len(t)]
    for k in (0, MOST_NETWORKS - 1, MOST_NETWORKS, len(t) - 1):
        alone = evaluate_path(path, t[k : k + 1], data)
        np.testing.assert_allclose([scores.loss[k], scores.error[k]], [alone.loss[0], alone.error[0]], rtol=1e-10)
        module = architecture().module(unstack(path.at(torch.from_numpy(t[k : k + 1])), 0))
        np.testing.assert_allclose(scores.loss[k], F.cross_entropy(module(data.inputs), data.labels).item(), rtol=1e-10)


def test_large_networks_are_evaluated_one_at_a_time() -> None:
    code, a, b, _ = chain()
    small = LayerSubset(code, a, b, ())
    assert (small.points_at_once(), Line(code, a, b).points_at_once(), OutputEnsemble(code, a, b).points_at_once()) == (
        MOST_NETWORKS,
        None,
        None,
    )
    many = {"output.weight": torch.zeros(1).expand(MOST_NUMBERS // 3)}
    assert LayerSubset(code, many, many, ()).points_at_once() == 3
    more = {"output.weight": torch.zeros(1).expand(2 * MOST_NUMBERS)}
    assert LayerSubset(code, more, more, ()).points_at_once() == 1


def test_what_is_repaired_at_a_point_is_kept_for_the_next_split() -> None:
    calls = []

    class Counting(Reset):
        def reset(self, code: Architecture, stack: Mapping[str, Tensor], train: Split) -> dict[str, Tensor]:
            calls.append(len(train))
            return super().reset(code, stack, train)

    line = Line(architecture(), A, B)
    path = Repaired(line, Counting(batch_size=8), split(20))
    first, again, fresh = path.at(POINTS), path.at(POINTS), Repaired(line, Reset(batch_size=8), split(20)).at(POINTS)
    assert calls == [20]
    assert first.keys() == again.keys() == fresh.keys()
    assert all(torch.equal(tensor, again[name]) and torch.equal(tensor, fresh[name]) for name, tensor in first.items())
