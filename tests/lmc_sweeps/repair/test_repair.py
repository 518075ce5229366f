"""`repair`: means and spreads on target at every layer, in the network's own weights, and what averaging does without it."""

import math

import pytest
import torch
from repaired_lines import T, convolutional, moments, perceptron, pooled, targets

from lmc_sweeps.models.base import unstack
from lmc_sweeps.repair.repair import LayerwiseRepair


@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_after_it_means_and_deviations_are_on_target_at_every_hidden_layer(make) -> None:
    line, train = make()
    repaired = LayerwiseRepair().between(line.architecture, line.a, line.b, train)(line.at(T), T)
    measured, target = moments(line.architecture, repaired, train.inputs), targets(line, train.inputs)
    assert len(measured) == 3
    for layer, (mean, deviation) in target.items():
        torch.testing.assert_close(measured[layer][0], mean, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(measured[layer][1], deviation, rtol=1e-8, atol=1e-8)


def test_the_repaired_weights_compute_what_corrections_behind_each_layer_do() -> None:
    line, train = convolutional()
    stack = line.at(T)
    repaired = LayerwiseRepair().between(line.architecture, line.a, line.b, train)(stack, T)
    target, module = targets(line, train.inputs), pooled().double()
    half = len(T) // 2
    module.load_state_dict(unstack(stack, half))
    for index in (0, 2, 6):

        def correct(layer, inputs, outputs, name=f"{index}.weight"):
            rows = outputs.movedim(1, -1).reshape(-1, outputs.shape[1])
            mean, deviation = (values[half] for values in target[name])
            shape = (-1, *(1,) * (outputs.dim() - 2))
            scale = deviation / rows.std(0, correction=0)
            return outputs * scale.view(shape) + (mean - scale * rows.mean(0)).view(shape)

        module[index].register_forward_hook(correct)
    with torch.no_grad():
        hooked = module(train.inputs)
        fused = line.architecture.forward(repaired, train.inputs)[half]
    torch.testing.assert_close(fused, hooked, rtol=1e-8, atol=1e-8)


def test_unmatched_neurons_lose_the_variance_that_their_correlation_says_and_get_their_deviation_back() -> None:
    line, train = perceptron()
    half = len(T) // 2
    (a,), (b,) = (line.architecture.linear_results({k: v.unsqueeze(0) for k, v in net.items()}, train.inputs)["hidden_1.weight"]
                  for net in (line.a, line.b))  # fmt: skip
    halfway = line.architecture.linear_results(line.at(T), train.inputs)["hidden_1.weight"][half]
    for k in range(a.shape[1]):
        covariance = torch.cov(torch.stack([a[:, k], b[:, k]]), correction=0)
        assert float(halfway[:, k].var(correction=0)) == pytest.approx(float(covariance.sum() / 4), rel=1e-9)
    repaired = LayerwiseRepair().between(line.architecture, line.a, line.b, train)(line.at(T), T)
    deviation = line.architecture.linear_results(repaired, train.inputs)["hidden_1.weight"][half].std(0, correction=0)
    expected = (a.std(0, correction=0) + b.std(0, correction=0)) / 2
    assert math.isclose(float(deviation.sum()), float(expected.sum()), rel_tol=1e-9)
