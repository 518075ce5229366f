"""The straight-through estimator: against rebasin, its own steps written out, and all permutations of a small layer."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from loss_problems import KINDS, LossPair, chains, traced
from torch import Tensor
from torch.nn.functional import cross_entropy

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.matching.straight_through import StraightThrough


def relabelled(pair: LossPair, seed: int = 0) -> tuple[LossPair, dict[str, np.ndarray]]:
    """Return A beside itself in another order, and that order."""
    rng = np.random.default_rng(seed)
    graph = pair.architecture.graph(pair.a)
    planted = {group: rng.permutation(size) for group, size in graph.sizes.items()}
    return replace(pair, b=graph.apply(pair.a, planted)), planted


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_permutation_is_recovered(seed: int) -> None:
    pair, planted = relabelled(chains(32, inputs=20, classes=10, seed=seed))
    result = StraightThrough(steps=10)(pair.problem())
    for group, order in planted.items():
        np.testing.assert_array_equal(order[result.permutations[group]], np.arange(32))


def test_of_two_equal_networks_it_moves_nothing() -> None:
    pair = chains(9, depth=2)
    result = StraightThrough(steps=10)(replace(pair, b=pair.a).problem())
    for order in result.permutations.values():
        np.testing.assert_array_equal(order, np.arange(9))


@pytest.mark.parametrize("settings", [{"learning_rate": 0.0}, {"steps": 0}])
@pytest.mark.parametrize("depth", [1, 3])
def test_where_the_shadow_stays_it_is_rebasin_from_bs_own_order(settings: dict[str, float], depth: int) -> None:
    pair = chains(12, depth)
    result, expected = StraightThrough(**settings)(pair.problem(5)), Rebasin(starts=1)(pair.problem(5))  # type: ignore[arg-type]
    for group, order in expected.permutations.items():
        np.testing.assert_array_equal(result.permutations[group], order)
    assert repr(result.layers) == repr(expected.layers)
    np.testing.assert_allclose(result.objective, pair.midpoint_loss(expected.permutations), rtol=1e-12)


def perceptron(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    hidden = torch.relu(inputs @ weights["hidden_1.weight"].T + weights["hidden_1.bias"])
    return hidden @ weights["output.weight"].T + weights["output.bias"]


def in_order(weights: dict[str, Tensor], order: np.ndarray) -> dict[str, Tensor]:
    moved = {"hidden_1.weight": weights["hidden_1.weight"][order], "hidden_1.bias": weights["hidden_1.bias"][order]}
    return {**weights, **moved, "output.weight": weights["output.weight"][:, order]}


def nearest(shadow: dict[str, Tensor], b: dict[str, Tensor]) -> np.ndarray:
    """Return the best of all orders of a small hidden layer."""

    def apart(order: tuple[int, ...]) -> float:
        return sum(float(((shadow[name] - tensor) ** 2).sum()) for name, tensor in in_order(b, np.array(order)).items())

    return np.array(min(itertools.permutations(range(len(b["hidden_1.bias"]))), key=apart))


@pytest.mark.parametrize("seed", range(4))
def test_its_steps_are_those_of_momentum_on_the_shadow_projected_on_all_permutations(seed: int) -> None:
    pair, rate, momentum = chains(4, seed=seed), 3.0, 0.5
    order = nearest(pair.a, pair.b)
    shadow = dict(pair.a)
    velocity = {name: torch.zeros_like(tensor) for name, tensor in shadow.items()}
    losses, trace = [], [pair.midpoint_loss({"hidden_1": order})]
    for step in range(1, 8):
        mapped = {name: tensor.clone().requires_grad_() for name, tensor in in_order(pair.b, order).items()}
        halfway = {name: (pair.a[name] + tensor) / 2 for name, tensor in mapped.items()}
        loss = cross_entropy(perceptron(halfway, pair.train.inputs), pair.train.labels)
        losses.append(loss.item())
        for name, gradient in zip(mapped, torch.autograd.grad(loss, list(mapped.values())), strict=True):
            velocity[name] = momentum * velocity[name] + gradient
            shadow[name] = shadow[name] - rate * velocity[name]
        if step % 3 == 0 or step == 7:
            order = nearest(shadow, pair.b)
            trace.append(pair.midpoint_loss({"hidden_1": order}))
    method = StraightThrough(steps=7, batch_size=60, learning_rate=rate, momentum=momentum, project_every=3)
    result = method(pair.problem())
    np.testing.assert_allclose(result.objective, trace, rtol=1e-10)
    assert result.statistics["loss"] == pytest.approx(min(trace), rel=1e-10)
    assert result.statistics["lowest_minibatch_loss"] == pytest.approx(min(losses), rel=1e-10)
    assert pair.midpoint_loss(result.permutations) == pytest.approx(min(trace), rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_minibatches_change_the_path_and_not_how_permutations_are_scored(seed: int) -> None:
    pair = chains(8, depth=2, seed=seed)
    method = StraightThrough(steps=20, batch_size=7, learning_rate=1.0, project_every=2)
    result = method(pair.problem())
    assert len(result.objective) == 11
    assert result.statistics["loss"] == min(result.objective)
    assert result.statistics["loss"] == pytest.approx(pair.midpoint_loss(result.permutations), rel=1e-12)
    assert 1 <= result.statistics["permutations_scored"] <= 11


def test_the_generator_decides_all() -> None:
    pair = chains(8, depth=2)
    one, again = (StraightThrough(steps=20, batch_size=7, learning_rate=1.0)(pair.problem(3)) for _ in range(2))
    assert repr(one) == repr(again)


@pytest.mark.parametrize("name", KINDS)
def test_whatever_the_network_it_maps_all_groups_and_is_no_worse_than_its_start(name: str) -> None:
    pair = traced(name)
    result = StraightThrough(steps=4, project_every=2, learning_rate=1.0)(pair.problem())
    assert set(result.permutations) == set(pair.problem().groups)
    torch.testing.assert_close(pair.function(result.permutations), pair.function({}), rtol=0, atol=1e-9)
    assert pair.midpoint_loss(result.permutations) <= result.objective[0] * (1 + 1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "`matching.straight_through.steps` must be a non-negative integer, got -1."),
        ({"momentum": 1.0}, "`matching.straight_through.momentum` must be a finite number at least 0 and below 1, got 1.0."),
        ({"project_every": 0}, "`matching.straight_through.project_every` must be a positive integer, got 0."),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError) as error:
        StraightThrough(**settings)  # type: ignore[arg-type]
    assert str(error.value) == message
