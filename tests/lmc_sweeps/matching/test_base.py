"""Every method: planted permutations are found, one pass is enough, exactly what is needed is looked at."""

import functools
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc_sweeps import matching, transport
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import FIXED_POINT, NEEDS, OPTIMAL, Matching, MatchingProblem, SequentialMatching
from lmc_sweeps.maths.barriers import Barriers, barriers
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations, from_coupling, inverse, is_permutation
from lmc_sweeps.measuring.evaluation import evaluate_line, function_gap
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.transport.emd import Emd

ProblemOf = Callable[..., MatchingProblem]
CHOICES = matching.choices()
BRIEF: dict[str, dict[str, int]] = {"annealing": {"steps": 20}}  # settings of methods that take long at their defaults
SEQUENTIAL = ["weights", "covariance", "activations"]
METHODS: dict[str, SequentialMatching] = {
    f"{name} {settings}": CHOICES[name](**settings)
    for name, settings in [
        ("weights", {}),
        ("weights", {"biases": True}),
        ("weights", {"transport": "assignment"}),
        ("covariance", {}),
        ("covariance", {"biases": True}),
        ("covariance", {"centred": True}),
        ("covariance", {"transport": "assignment"}),
        ("activations", {}),
        ("activations", {"centred": False}),
        ("activations", {"transport": "assignment"}),
    ]
}
WIDTH, CLASSES = 12, 4


def networks(count: int, depth: int, bias: bool = True, activation: str = "tanh") -> tuple[FeedForward, list[dict[str, Tensor]]]:
    # tanh by default: no neuron is dead, so that no two cost the same
    settings = Mlp(bias=bias, activation=activation)
    drawn = [settings.initial(Shape((10,), WIDTH, depth, CLASSES), np.random.default_rng(seed)) for seed in range(count)]
    return settings.architecture(Shape((10,), WIDTH, depth, CLASSES)), drawn


def inputs(n: int = 400) -> Tensor:
    return torch.from_numpy(np.random.default_rng(7).standard_normal((n, 10)).astype(np.float32))


def planted_pair(
    depth: int, bias: bool, activation: str
) -> tuple[FeedForward, dict[str, Tensor], dict[str, Tensor], dict[str, np.ndarray]]:
    """Return a network, a permuted copy of it, and the permutations of the copy."""
    architecture, (a,) = networks(1, depth, bias, activation)
    a["output.weight"] = 30 * a["output.weight"]  # confident logits: the line to an unmatched network must lose
    rng = np.random.default_rng(depth)
    planted = {group: rng.permutation(WIDTH) for group in architecture.spec.groups}
    return architecture, a, apply_permutations(a, architecture.spec, planted), planted


def line(architecture: FeedForward, a: dict[str, Tensor], b: dict[str, Tensor], permutations: dict[str, np.ndarray]) -> Barriers:
    x, t = inputs(), line_points(11)
    data = Split(x, architecture.module(a)(x).argmax(dim=1))  # A is right about everything
    return barriers(t, evaluate_line(architecture, a, b, [permutations], t, data).loss[0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("activation", "depth"), [("tanh", 1), ("tanh", 2), ("tanh", 4), ("gelu", 4), ("relu", 1), ("relu", 2)])
def test_planted_permutations_are_recovered_and_leave_no_barrier(
    method: str, bias: bool, activation: str, depth: int, problem_of: ProblemOf
) -> None:
    architecture, a, b, planted = planted_pair(depth, bias, activation)

    result = METHODS[method](problem_of(architecture, a, b, inputs()))

    assert (result.is_permutation, result.converged, result.sentence) == (True, True, "optimal, layer by layer")
    assert list(result.permutations) == list(planted)
    for group, permutation in planted.items():
        np.testing.assert_array_equal(result.permutations[group], inverse(permutation))
    assert all(layer.matching_cost < 1e-3 * layer.identity_cost for layer in result.layers)  # rounding of float32 moments
    assert function_gap(architecture, b, result.permutations, inputs()) < 1e-5
    measures = line(architecture, a, b, result.permutations)
    assert measures.barrier <= 1e-6  # float32
    assert measures.barrier_mean <= 1e-6
    assert line(architecture, a, b, {}).barrier > 0.01  # the planted permutation alone makes one


@pytest.mark.parametrize("method", METHODS)
def test_dead_neurons_are_ties_that_may_be_matched_in_any_way_but_make_no_barrier(method: str, problem_of: ProblemOf) -> None:
    architecture, a, b, _ = planted_pair(depth=4, bias=True, activation="relu")
    hidden = architecture.activations({name: tensor.unsqueeze(0) for name, tensor in a.items()}, inputs())
    assert sum(not column.any() for column in hidden["hidden_4"][0].T) >= 2
    result = METHODS[method](problem_of(architecture, a, b, inputs()))
    assert all(layer.matching_cost < 1e-3 * layer.identity_cost for layer in result.layers)
    assert line(architecture, a, b, result.permutations).barrier <= 1e-6
    assert line(architecture, a, b, {}).barrier > 0.01


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(3))
def test_more_passes_in_random_order_of_the_layers_change_nothing(method: str, seed: int, problem_of: ProblemOf) -> None:
    architecture, (a, b) = networks(2, 3)
    problem = problem_of(architecture, a, b, inputs())
    result = METHODS[method](problem)
    rng = np.random.default_rng(seed)
    current = {group: rng.permutation(WIDTH) for group in architecture.spec.groups}
    for _ in range(4):  # the last of 3 layers is right after 3 passes, in whatever order
        for group in rng.permutation(architecture.spec.groups):
            current[group] = from_coupling(Emd()(METHODS[method].ground_cost(problem, group, current)).coupling)[0]
    for group, permutation in current.items():
        np.testing.assert_array_equal(permutation, result.permutations[group])


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_both_transports_find_the_same(name: str, problem_of: ProblemOf) -> None:
    architecture, (a, b) = networks(2, 3)
    problem = problem_of(architecture, a, b, inputs())
    emd, assignment = (CHOICES[name](transport=solver)(problem) for solver in ("emd", "assignment"))
    assert repr(emd.layers) == repr(assignment.layers)  # as text, for what does not exist is NaN
    for group, permutation in emd.permutations.items():
        np.testing.assert_array_equal(permutation, assignment.permutations[group])


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_the_costs_of_a_layer_are_means_over_its_matched_and_its_unmoved_neurons(name: str, problem_of: ProblemOf) -> None:
    architecture, (a, b) = networks(2, 3)
    method, problem = CHOICES[name](), problem_of(architecture, a, b, inputs())
    result, below = method(problem), {}
    for number, (layer, group) in enumerate(zip(result.layers, architecture.spec.groups, strict=True), start=1):
        cost, permutation = method.ground_cost(problem, group, below), result.permutations[group]
        assert (layer.layer, layer.layer_name) == (number, group)
        np.testing.assert_allclose(layer.matching_cost, sum(cost[i, j] for i, j in enumerate(permutation)) / WIDTH, rtol=1e-12)
        np.testing.assert_allclose(layer.identity_cost, sum(cost[i, i] for i in range(WIDTH)) / WIDTH, rtol=1e-12)
        assert layer.matching_cost < layer.identity_cost
        below[group] = permutation


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_a_method_gets_along_with_exactly_what_it_says_it_needs(name: str, problem_of: ProblemOf) -> None:
    method = CHOICES[name](**BRIEF.get(name, {}))
    assert method.needs <= set(NEEDS)
    architecture, (a, b) = networks(2, 2)
    full, exact = (method(problem_of(architecture, a, b, inputs(), *needs)).permutations for needs in ((), (method.needs,)))
    for group, permutation in exact.items():
        assert is_permutation(permutation)
        np.testing.assert_array_equal(permutation, full[group])
    for need in method.needs:  # and with nothing less
        lacking = problem_of(architecture, a, b, inputs(), method.needs - {need})
        with pytest.raises((KeyError, AttributeError)):
            method(lacking)


def test_a_solver_that_stops_early_is_reported_layer_by_layer_and_its_couplings_are_rounded(
    monkeypatch: pytest.MonkeyPatch, problem_of: ProblemOf
) -> None:
    monkeypatch.setattr(transport, "choices", lambda: {"emd": functools.partial(Emd, max_iterations=1)})
    architecture, (a, b) = networks(2, 2)
    result = CHOICES["weights"]()(problem_of(architecture, a, b, inputs()))
    assert not result.converged
    assert not result.is_permutation
    first, second = result.sentence.split("; layer 2: ")
    assert first.startswith("layer 1: POT's emd did not converge")
    assert second.startswith("POT's emd did not converge")
    assert all(is_permutation(permutation) for permutation in result.permutations.values())


@pytest.mark.parametrize("method", METHODS)
def test_groups_in_another_order_than_they_are_computed_in_settle_at_the_permutations_of_one_pass(
    method: str, problem_of: ProblemOf
) -> None:
    architecture, (a, b) = networks(2, 3)
    in_order = METHODS[method](problem_of(architecture, a, b, inputs()))
    axes = architecture.spec.axes
    architecture.spec = PermutationSpec({name: axes[name] for name in sorted(axes, reverse=True)})  # output, hidden_3, hidden_2, hidden_1
    result = METHODS[method](problem_of(architecture, a, b, inputs()))
    assert list(result.permutations) == ["hidden_3", "hidden_2", "hidden_1"]
    assert result.status == (OPTIMAL if method.startswith("activations") else FIXED_POINT)
    for group, permutation in in_order.permutations.items():
        np.testing.assert_array_equal(result.permutations[group], permutation)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_an_unknown_transport_is_refused_with_the_choices(name: str) -> None:
    message = rf"^`matching.{name}.transport` must be one of assignment, emd, sinkhorn, got 'emb'\. Did you mean 'emd'\?$"
    with pytest.raises(InputError, match=message):
        CHOICES[name](transport="emb")


@pytest.mark.parametrize(
    ("name", "setting"), [("weights", "biases"), ("covariance", "biases"), ("covariance", "centred"), ("activations", "centred")]
)
def test_a_switch_that_is_neither_true_nor_false_is_refused(name: str, setting: str) -> None:
    with pytest.raises(InputError, match=f"^`matching.{name}.{setting}` must be true or false, got 'yes'.$"):
        CHOICES[name](**{setting: "yes"})


def test_the_settings_hash_tells_methods_and_settings_apart_and_nothing_else() -> None:
    methods: list[Matching] = [*METHODS.values(), CHOICES["identity"]()]
    hashes = [method.settings_hash() for method in methods]
    assert len(set(hashes)) == len(hashes)
    assert all(re.fullmatch("x?[0-9a-f]{8}", word) for word in hashes)  # behind a letter where it could be taken for a number
    twin = type("Twin", (CHOICES["weights"],), {"name": "twin"})  # another method with the same settings
    assert twin().settings_hash() != CHOICES["weights"]().settings_hash()
    assert CHOICES["weights"](biases=False, transport="emd").settings_hash() == CHOICES["weights"]().settings_hash()
