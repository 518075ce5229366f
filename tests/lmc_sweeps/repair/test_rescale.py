"""`rescale`: deviations on target at every layer, by one factor for each neuron and nothing else."""

import pytest
import torch
from repaired_lines import T, convolutional, moments, perceptron, targets

from lmc_sweeps.repair.rescale import Rescale


@pytest.mark.parametrize("make", [perceptron, lambda: perceptron(bias=False), convolutional])
def test_deviations_are_on_target_at_every_hidden_layer(make) -> None:
    line, train = make()
    repaired = Rescale().between(line.architecture, line.a, line.b, train)(line.at(T), T)
    measured, target = moments(line.architecture, repaired, train.inputs), targets(line, train.inputs)
    for layer, (_, deviation) in target.items():
        torch.testing.assert_close(measured[layer][1], deviation, rtol=1e-8, atol=1e-8)


def test_a_neuron_is_multiplied_by_one_number_its_bias_too() -> None:
    line, train = perceptron()
    stack = line.at(T)
    repaired = Rescale().between(line.architecture, line.a, line.b, train)(stack, T)
    for layer in ("hidden_1", "hidden_2", "hidden_3"):
        factors = repaired[f"{layer}.weight"] / stack[f"{layer}.weight"]
        torch.testing.assert_close(factors, factors[..., :1].expand_as(factors), rtol=1e-9, atol=0)
        torch.testing.assert_close(repaired[f"{layer}.bias"], factors[..., 0] * stack[f"{layer}.bias"], rtol=1e-9, atol=1e-15)
        assert bool((factors[1:-1] > 0).all())
