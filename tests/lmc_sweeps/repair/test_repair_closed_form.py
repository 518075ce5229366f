"""`repair_closed_form`: the first layer as `repair` has it, without computing a network between the ends."""

import pytest
import torch
from repaired_lines import T, convolutional, moments, perceptron, targets

from lmc_sweeps.repair.repair import LayerwiseRepair
from lmc_sweeps.repair.repair_closed_form import ClosedFormRepair


@pytest.mark.parametrize(("make", "first"), [(perceptron, "hidden_1"), (convolutional, "0")])
def test_the_first_layer_is_that_of_the_forward_repair_and_on_target(make, first) -> None:
    line, train = make()
    stack = line.at(T)
    closed, forward = (kind().between(line.architecture, line.a, line.b, train)(stack, T) for kind in (ClosedFormRepair, LayerwiseRepair))
    for name in (f"{first}.weight", f"{first}.bias"):
        torch.testing.assert_close(closed[name], forward[name], rtol=1e-8, atol=1e-8)
    measured, target = moments(line.architecture, closed, train.inputs), targets(line, train.inputs)
    for value, expected in zip(measured[f"{first}.weight"], target[f"{first}.weight"], strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-8, atol=1e-8)


def test_every_neuron_gets_the_factor_of_the_formula() -> None:
    line, train = perceptron()
    stack = line.at(T)
    closed = ClosedFormRepair().between(line.architecture, line.a, line.b, train)(stack, T)
    ends = [line.architecture.linear_results({k: v.unsqueeze(0) for k, v in net.items()}, train.inputs) for net in (line.a, line.b)]
    for layer in ("hidden_1", "hidden_2", "hidden_3"):
        a, b = (end[f"{layer}.weight"][0] for end in ends)
        for neuron in (0, 5):
            (var_a, cov), (_, var_b) = torch.cov(torch.stack([a[:, neuron], b[:, neuron]]), correction=0).tolist()
            for k, t in enumerate(T.tolist()[1:-1], start=1):
                spread = ((1 - t) ** 2 * var_a + t**2 * var_b + 2 * t * (1 - t) * cov) ** 0.5
                factor = ((1 - t) * var_a**0.5 + t * var_b**0.5) / spread
                measured = closed[f"{layer}.weight"][k, neuron] / stack[f"{layer}.weight"][k, neuron]
                torch.testing.assert_close(measured, torch.full_like(measured, factor), rtol=1e-8, atol=0)
