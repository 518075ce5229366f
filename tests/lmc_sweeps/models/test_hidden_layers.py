"""Hidden layers: which there are, what they compute, and corrections put into their own weights, in turn or in one pass."""

import pytest
import torch
from repaired_lines import T, convolutional, perceptron

from lmc_sweeps.models.hidden_layers import Correction, HiddenLayer, corrected_in_turn, means_and_deviations


def test_the_layers_of_a_chain_and_of_a_module_are_those_that_lead_to_a_group() -> None:
    chain, module = perceptron()[0].architecture, convolutional()[0].architecture
    assert chain.hidden_layers() == tuple(HiddenLayer(f"hidden_{k}.weight", 0, f"hidden_{k}.bias") for k in (1, 2, 3))
    assert module.hidden_layers() == tuple(HiddenLayer(f"{k}.weight", 0, f"{k}.bias") for k in (0, 2, 6))


def test_a_layer_without_bias_has_none() -> None:
    assert [layer.bias for layer in perceptron(bias=False)[0].architecture.hidden_layers()] == [None] * 3


def test_what_layers_compute_is_that_of_the_modules_before_the_activation_function() -> None:
    for line, train in (perceptron(), convolutional()):
        stack = {name: tensor.unsqueeze(0) for name, tensor in line.a.items()}
        results = line.architecture.linear_results(stack, train.inputs)
        module = line.architecture.module(line.a)
        outputs: dict[str, torch.Tensor] = {}
        for name, part in module.named_children():
            part.register_forward_hook(lambda layer, inputs, output, key=f"{name}.weight", shown=outputs: shown.setdefault(key, output))
        with torch.no_grad():
            module(train.inputs)
        assert list(results) == [layer.weight for layer in line.architecture.hidden_layers()]
        for name, rows in results.items():
            torch.testing.assert_close(rows[0], outputs[name].movedim(1, -1).reshape(-1, outputs[name].shape[1]), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_what_one_layer_computes_is_that_of_all_layers(make) -> None:
    line, train = make()
    stack = line.at(T)
    for weight, results in line.architecture.linear_results(stack, train.inputs).items():
        assert torch.equal(line.architecture.linear_result(weight, stack, train.inputs), results)


@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_a_corrected_layer_computes_the_corrected_outputs(make) -> None:
    line, train = make()
    stack = line.at(T)
    for layer in line.architecture.hidden_layers():
        before = line.architecture.linear_results(stack, train.inputs)[layer.weight]
        neurons = before.shape[-1]
        correction = Correction(
            torch.linspace(0.5, 2, len(T) * neurons).view(len(T), neurons).double(), torch.randn(len(T), neurons).double()
        )
        after = line.architecture.linear_results({**stack, **correction.fused(layer, stack)}, train.inputs)[layer.weight]
        torch.testing.assert_close(after, before * correction.scale.unsqueeze(1) + correction.shift.unsqueeze(1), rtol=1e-9, atol=1e-9)


def test_one_pass_over_a_chain_is_one_pass_per_layer() -> None:
    line, train = perceptron()
    stack, batches = line.at(T), list(train.inputs.split(40))

    def standardise(layer: HiddenLayer, results) -> Correction | None:
        mean, deviation = means_and_deviations(results)
        return None if layer.weight == "hidden_2.weight" else Correction(1 / deviation, -mean / deviation)

    once = line.architecture.corrected(stack, batches, standardise)
    in_turn = corrected_in_turn(line.architecture, stack, batches, standardise)
    for name, tensor in in_turn.items():
        torch.testing.assert_close(once[name], tensor, rtol=1e-10, atol=1e-10)
    assert torch.equal(once["hidden_2.weight"], stack["hidden_2.weight"])


def test_moments_over_batches_are_those_of_all_rows_and_do_not_drown_in_a_large_mean() -> None:
    rows = 1e4 + torch.randn(2, 500, 3, generator=torch.Generator().manual_seed(0)).float()
    mean, deviation = means_and_deviations(list(rows.split([100, 399, 1], 1)))
    torch.testing.assert_close(mean, rows.double().mean(1), rtol=1e-9, atol=0)
    torch.testing.assert_close(deviation, rows.double().std(1, correction=0), rtol=1e-4, atol=0)
