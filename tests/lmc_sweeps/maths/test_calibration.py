"""Temperatures: the least cross-entropy, what they leave alone, and the theorem on disjoint units that asks for one."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar

from lmc_sweeps.maths.calibration import HIGHEST, LOWEST, calibrated_losses, cross_entropy_at, fitted_temperature
from lmc_sweeps.maths.interpolation import interpolate


def outputs(networks: int = 6, n: int = 200, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (n,), generator=rng)
    noise = torch.randn(networks, n, classes, generator=rng, dtype=torch.float64)
    return torch.logspace(-1, 1, networks, dtype=torch.float64).view(-1, 1, 1) * (noise + 1.5 * F.one_hot(labels, classes)), labels


def test_no_other_temperature_has_a_lower_loss() -> None:
    logits, labels = outputs()
    temperatures = fitted_temperature(logits, labels)
    for k, temperature in enumerate(temperatures):
        best = minimize_scalar(
            lambda log, k=k: float(cross_entropy_at(logits[k : k + 1], labels, torch.tensor([np.exp(log)]))),
            bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-10},
        )  # fmt: skip
        assert float(temperature) == pytest.approx(np.exp(best.x), rel=1e-4)
        assert float(cross_entropy_at(logits[k : k + 1], labels, temperatures[k : k + 1])) <= best.fun * (1 + 1e-10)


def test_logits_at_their_temperature_have_none_left_and_answers_stay() -> None:
    logits, labels = outputs()
    temperatures = fitted_temperature(logits, labels)
    at_best = logits / temperatures.view(-1, 1, 1)
    torch.testing.assert_close(fitted_temperature(at_best, labels), torch.ones(len(logits), dtype=torch.float64), rtol=1e-5, atol=0)
    torch.testing.assert_close(fitted_temperature(3 * logits, labels), 3 * temperatures, rtol=1e-5, atol=0)
    assert torch.equal(at_best.argmax(-1), logits.argmax(-1))
    assert bool((cross_entropy_at(logits, labels, temperatures) <= cross_entropy_at(logits, labels, torch.ones(len(logits)))).all())


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "classes"), [(1, 2), (16, 10), (17, 3), (64, 10), (200, 5), (501, 7), (1001, 100)])
def test_a_network_has_the_temperature_that_it_has_alone(n: int, classes: int, kind: torch.dtype) -> None:
    logits, labels = outputs(7, n, classes)
    logits = logits.to(kind)
    alone = torch.cat([fitted_temperature(logits[k : k + 1], labels) for k in range(len(logits))])
    assert torch.equal(alone, fitted_temperature(logits, labels))
    assert torch.equal(alone[2:5], fitted_temperature(logits[2:5], labels))


def test_where_all_answers_are_right_or_none_helps_a_bound_holds() -> None:
    labels = torch.arange(5).repeat(4)
    right = 3.0 * F.one_hot(labels, 5).double().unsqueeze(0)
    for logits in (right, -right, torch.zeros_like(right)):
        assert LOWEST * 0.999 <= float(fitted_temperature(logits, labels)) <= HIGHEST * 1.001
    assert float(fitted_temperature(-right, labels)) == pytest.approx(HIGHEST, rel=1e-3)
    assert bool(fitted_temperature(torch.full_like(right, torch.inf), labels).isnan().all())


def test_each_half_is_measured_at_the_temperature_of_the_other() -> None:
    logits, labels = outputs()
    even, odd = (fitted_temperature(logits[:, k::2], labels[k::2]) for k in (0, 1))
    expected = (cross_entropy_at(logits[:, ::2], labels[::2], odd) + cross_entropy_at(logits[:, 1::2], labels[1::2], even)) / len(labels)
    loss, temperature = calibrated_losses(logits, labels)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(temperature, (even * odd).sqrt(), rtol=1e-12, atol=0)
    single, _ = calibrated_losses(logits.float(), labels)
    torch.testing.assert_close(single, loss, rtol=1e-5, atol=0)


@pytest.mark.parametrize("layers", [2, 3, 4])
def test_networks_on_disjoint_units_add_up_halfway_to_a_scale(layers: int) -> None:
    rng = torch.Generator().manual_seed(layers)
    sizes = [6] + [8] * (layers - 1) + [3]

    def network(half: slice) -> dict[str, torch.Tensor]:
        weights = {}
        for k in range(layers):
            weight = torch.zeros(sizes[k + 1], sizes[k], dtype=torch.float64)
            rows, columns = (slice(None) if k == layers - 1 else half), (slice(None) if k == 0 else half)
            weight[rows, columns] = torch.randn(weight[rows, columns].shape, generator=rng, dtype=torch.float64)
            weights[f"{k}"] = weight
        return weights

    def forward(weights: dict[str, torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
        for k in range(layers):
            inputs = inputs @ weights[f"{k}"].T
            inputs = inputs if k == layers - 1 else inputs.relu()
        return inputs

    a, b = network(slice(0, 4)), network(slice(4, 8))
    inputs = torch.randn(30, 6, generator=rng, dtype=torch.float64)
    for t in (0.25, 0.5, 0.9):
        between = {name: tensor[0] for name, tensor in interpolate(a, b, torch.tensor([t], dtype=torch.float64)).items()}
        expected = (1 - t) ** layers * forward(a, inputs) + t**layers * forward(b, inputs)
        torch.testing.assert_close(forward(between, inputs), expected, rtol=1e-12, atol=1e-12)
    middle = {name: (a[name] + b[name]) / 2 for name in a}
    mean = (forward(a, inputs) + forward(b, inputs)) / 2
    torch.testing.assert_close(2 ** (layers - 1) * forward(middle, inputs), mean, rtol=1e-12, atol=1e-12)
