"""Simulated annealing: its promises, and against all permutations of small networks."""

import itertools

import numpy as np
import pytest
import torch
from loss_problems import KINDS, chains, traced

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.matching.annealing import STARTS, Annealing


@pytest.mark.parametrize("start", STARTS)
def test_no_moves_return_the_start(start: str) -> None:
    pair = chains(9, depth=2)
    result, expected = Annealing(steps=0, start=start)(pair.problem(4)), STARTS[start](pair.problem(4))
    for group, order in expected.permutations.items():
        np.testing.assert_array_equal(result.permutations[group], order)
    assert result.statistics["loss"] == result.statistics["loss_at_start"]
    assert result.objective == ()


@pytest.mark.parametrize(("start", "temperature"), [("identity", 1.0), ("weights", 0.0), ("rebasin", 100.0)])
def test_it_is_never_worse_than_its_start_and_says_what_its_permutations_cost(start: str, temperature: float) -> None:
    pair = chains(9, depth=2)
    result = Annealing(steps=50, start=start, temperature=temperature)(pair.problem(4))
    begins = pair.midpoint_loss(STARTS[start](pair.problem(4)).permutations)
    ends = pair.midpoint_loss(result.permutations)
    assert result.statistics["loss_at_start"] == pytest.approx(begins, rel=1e-12)
    assert result.statistics["loss"] == pytest.approx(ends, rel=1e-12)
    assert result.statistics["loss"] <= min(result.statistics["loss_at_start"], *result.objective)


def test_at_temperature_0_it_is_a_descent() -> None:
    result = Annealing(steps=60, temperature=0.0)(chains(9, depth=2).problem())
    assert len(result.objective) == 60
    assert list(result.objective) == sorted(result.objective, reverse=True)
    assert result.objective[-1] == result.statistics["loss"] < result.statistics["loss_at_start"]


def test_a_boundless_temperature_takes_every_move_and_a_low_one_few() -> None:
    pair = chains(9, depth=2)
    shares = [Annealing(steps=40, temperature=t)(pair.problem()).statistics["share_taken"] for t in (1e300, 1.0, 1e-6)]
    assert shares[0] == 1
    assert shares[0] > shares[1] > shares[2] > 0


@pytest.mark.parametrize(("width", "depth", "seed"), [(3, 2, 0), (4, 1, 0), (4, 1, 1)])
def test_enough_moves_reach_the_best_of_all_permutations(width: int, depth: int, seed: int) -> None:
    pair = chains(width, depth, seed=seed)
    groups = pair.problem().groups
    orders = [np.array(order) for order in itertools.permutations(range(width))]
    best = min(pair.midpoint_loss(dict(zip(groups, choice, strict=True))) for choice in itertools.product(orders, repeat=depth))
    result = Annealing(steps=200)(pair.problem())
    assert result.statistics["loss"] == pytest.approx(best, rel=1e-12)


def test_the_energy_is_the_loss_on_one_batch_of_the_training_set() -> None:
    pair = chains(6)
    problem = pair.problem()
    result = Annealing(steps=30, examples=20)(pair.problem())
    batch = np.sort(problem.generator.choice(60, 20, replace=False))  # type: ignore[union-attr]
    halfway = {name: (pair.a[name] + tensor) / 2 for name, tensor in problem.graph.apply(pair.b, result.maps).items()}
    assert result.statistics["loss"] == pytest.approx(problem.loss.loss(halfway, batch), rel=1e-12)  # type: ignore[union-attr]


def test_the_generator_decides_all() -> None:
    pair = chains(8, depth=2)
    one, again, other = (Annealing(steps=20)(pair.problem(seed)) for seed in (3, 3, 4))
    assert repr(one) == repr(again)
    assert one.objective != other.objective


@pytest.mark.parametrize("name", KINDS)
def test_whatever_the_network_b_stays_the_same_function(name: str) -> None:
    pair = traced(name)
    result = Annealing(steps=20, temperature=0.0)(pair.problem())
    assert set(result.permutations) == set(pair.problem().groups)
    torch.testing.assert_close(pair.function(result.permutations), pair.function({}), rtol=0, atol=1e-9)
    assert pair.midpoint_loss(result.permutations) == pytest.approx(result.statistics["loss"], rel=1e-12)


def test_groups_of_one_neuron_have_no_moves() -> None:
    result = Annealing(steps=20)(chains(1, depth=2).problem())
    assert [order.tolist() for order in result.permutations.values()] == [[0], [0]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "`matching.annealing.steps` must be a non-negative integer, got -1."),
        ({"examples": 0}, "`matching.annealing.examples` must be a positive integer, got 0."),
        (
            {"start": "weight"},
            "`matching.annealing.start` must be one of identity, rebasin, weights, got 'weight'. Did you mean 'weights'?",
        ),
        ({"temperature": -1.0}, "`matching.annealing.temperature` must be a finite number at least 0, got -1.0."),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as error:
        Annealing(**settings)  # type: ignore[arg-type]
    assert str(error.value) == message
