"""Neurons that cost the same: dead ones under `activations`, duplicates under `weights`; weights decide, then places, and rounding never."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc_sweeps import matching
from lmc_sweeps.matching.base import MatchingProblem, SequentialMatching
from lmc_sweeps.maths.permutations import apply_permutations, inverse
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mlp import Mlp

ProblemOf = Callable[..., MatchingProblem]
WIDTH, DEPTH, CLASSES = 12, 2, 4
DEAD = [1, 4, 5, 8, 11]
METHODS = ["weights", "covariance", "activations"]
TRANSPORTS = ["emd", "assignment"]
ARCHITECTURE = Mlp().architecture(Shape((10,), WIDTH, DEPTH, CLASSES))
INPUTS = torch.from_numpy(np.random.default_rng(7).random((300, 10)).astype(np.float32))


def network(seed: int) -> dict[str, Tensor]:
    return Mlp().initial(Shape((10,), WIDTH, DEPTH, CLASSES), np.random.default_rng(seed))


def with_dead(seed: int) -> dict[str, Tensor]:
    """Return a network some of whose neurons are 0 on every example, each with weights of its own."""
    parameters = network(seed)
    for k in range(1, DEPTH + 1):
        parameters[f"hidden_{k}.bias"][DEAD] = -100.0 - parameters[f"hidden_{k}.bias"][DEAD]
    return parameters


def with_duplicates(seed: int) -> dict[str, Tensor]:
    """Return a network whose neurons have the incoming weights of one another in threes; biases and outgoing weights are their own."""
    parameters = network(seed)
    for k in range(1, DEPTH + 1):
        parameters[f"hidden_{k}.weight"] = parameters[f"hidden_{k}.weight"][::3].repeat_interleave(3, dim=0)
    return parameters


KINDS = {"dead": with_dead, "duplicates": with_duplicates}


def planted(kind: str) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, np.ndarray]]:
    a, rng = KINDS[kind](0), np.random.default_rng(1)
    moved = {group: rng.permutation(WIDTH) for group in ARCHITECTURE.spec.groups}
    return a, apply_permutations(a, ARCHITECTURE.spec, moved), moved


def noisy(name: str, transport: str, noise: Callable[[np.ndarray], np.ndarray]) -> SequentialMatching:
    """Return a method whose costs are changed by a little."""
    plain = matching.choices()[name]

    class Noisy(plain):
        def ground_cost(self, *arguments: object) -> np.ndarray:
            return noise(super().ground_cost(*arguments))

    return Noisy(transport=transport)


NOISE = {
    "a billionth": lambda rng: lambda cost: cost + 1e-9 * cost.mean() * rng.uniform(-1, 1, cost.shape),
    "a billionth more, never below 0": lambda rng: lambda cost: np.maximum(cost + 1e-9 * cost.mean() * rng.uniform(-1, 1, cost.shape), 0.0),
    "a billionth of itself": lambda rng: lambda cost: cost * (1 + 1e-9 * rng.uniform(-1, 1, cost.shape)),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of_one", [True, False], ids=["B is A permuted", "B is another network"])
def test_a_billionth_more_or_less_of_the_costs_and_the_transport_change_no_permutation(
    name: str, kind: str, of_one: bool, problem_of: ProblemOf
) -> None:
    a, b, _ = planted(kind)
    problem = problem_of(ARCHITECTURE, a, b if of_one else KINDS[kind](5), INPUTS)
    expected = matching.choices()[name]()(problem).permutations
    for transport in TRANSPORTS:
        for noise in NOISE.values():
            for seed in range(3):
                permutations = noisy(name, transport, noise(np.random.default_rng(seed)))(problem).permutations
                assert {group: moved.tolist() for group, moved in permutations.items()} == {
                    group: m.tolist() for group, m in expected.items()
                }


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_tied_neurons_of_a_permuted_copy_are_matched_with_themselves(name: str, kind: str, transport: str, problem_of: ProblemOf) -> None:
    a, b, moved = planted(kind)
    result = matching.choices()[name](transport=transport)(problem_of(ARCHITECTURE, a, b, INPUTS))
    for group, permutation in moved.items():
        np.testing.assert_array_equal(result.permutations[group], inverse(permutation))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_between_dead_neurons_the_nearest_weights_decide(transport: str, problem_of: ProblemOf) -> None:
    problem = problem_of(ARCHITECTURE, with_dead(0), with_dead(5), INPUTS)
    method = matching.choices()["activations"](transport=transport)
    permutation = method(problem).permutations["hidden_1"]
    cost = method.ground_cost(problem, "hidden_1", {})
    assert (cost[DEAD][:, DEAD] == 0).all()
    rows = [np.column_stack([w["hidden_1.weight"], w["hidden_1.bias"]]) for w in (problem.a.weights, problem.b.weights)]
    tied = [i for i in DEAD if permutation[i] in DEAD]
    assert len(tied) >= 3
    for i in tied:
        for j in tied:  # no exchange of two of them brings their weights nearer
            apart = [np.sum((rows[0][[i, j]] - rows[1][places]) ** 2) for places in (permutation[[i, j]], permutation[[j, i]])]
            assert apart[0] <= apart[1]


def test_neurons_that_are_equal_in_all_their_weights_stay_where_they_are(problem_of: ProblemOf) -> None:
    a = {name: torch.ones_like(tensor) for name, tensor in network(0).items()}
    for name in METHODS:
        for permutation in matching.choices()[name]()(problem_of(ARCHITECTURE, a, a, INPUTS)).permutations.values():
            np.testing.assert_array_equal(permutation, np.arange(WIDTH))


def test_a_method_that_does_not_see_weights_lets_the_places_decide(problem_of: ProblemOf) -> None:
    plain = matching.choices()["activations"]

    class Blind(plain):
        needs = frozenset({"moments", "cross_moments"})

    a = with_dead(0)
    problem = problem_of(ARCHITECTURE, a, a, INPUTS)
    problem = replace(problem, views=tuple(replace(view, weights={}) for view in problem.views))
    permutations = Blind()(problem).permutations
    for permutation in permutations.values():
        np.testing.assert_array_equal(permutation, np.arange(WIDTH))
