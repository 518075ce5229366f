"""Matching problems: methods hold what a method needs, rightly, and nothing more."""

import numpy as np
import pytest
from small_pairs import TRAIN, Spy, measured, network, perceptron, row_of

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import NEEDS
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.measuring.evaluation import evaluate_line
from lmc_sweeps.measuring.pairs import method_key
from lmc_sweeps.measuring.problems import matching_problem
from lmc_sweeps.models.feed_forward import FeedForward


@pytest.fixture(scope="module")
def architecture() -> FeedForward:
    return perceptron()


@pytest.mark.parametrize("wants", [(), *((need,) for need in NEEDS), ("weights", "moments"), NEEDS])
def test_a_method_is_shown_what_it_needs_and_nothing_more(architecture, wants):
    spy = Spy(wants=wants)
    measured(architecture, [spy])
    (problem,) = spy.problems
    filled = {
        "weights": bool(problem.a.weights) and bool(problem.b.weights),
        "moments": bool(problem.a.moments) and bool(problem.b.moments),
        "cross_moments": bool(problem.cross_moments),
        "loss": problem.loss is not None,
        "generator": problem.generator is not None,
    }
    assert {need for need, is_filled in filled.items() if is_filled} == set(wants)
    assert (bool(problem.a.weights) or bool(problem.b.weights)) is filled["weights"]
    assert (bool(problem.a.moments) or bool(problem.b.moments)) is filled["moments"]
    assert problem.sizes == {"hidden_1": 8, "hidden_2": 8}
    assert problem.reads == {"hidden_1.weight": ("input",), "hidden_2.weight": ("hidden_1",)}
    assert {group: [site.key for site in sites] for group, sites in problem.sites.items()} == {group: [group] for group in problem.sizes}


def test_the_problem_holds_the_weights_in_float64_and_the_moments_of_the_training_set(architecture):
    spy = Spy()
    measured(architecture, [spy])
    (problem,) = spy.problems
    for held, own in ((problem.a.weights, network(0)), (problem.b.weights, network(1))):
        for name, tensor in own.items():
            assert held[name].dtype == np.float64
            np.testing.assert_array_equal(held[name], tensor.double().numpy())
    inputs = TRAIN.inputs.double().numpy()
    np.testing.assert_allclose(problem.a.moments["input"].second, inputs.T @ inputs / 60, atol=1e-5)  # products in float32
    hidden = [
        np.maximum(inputs @ net["hidden_1.weight"].double().numpy().T + net["hidden_1.bias"].numpy(), 0) for net in map(network, (0, 1))
    ]
    np.testing.assert_allclose(problem.cross_moments[0, 1]["hidden_1"], hidden[0].T @ hidden[1] / 60, atol=1e-5)


def test_the_loss_of_the_midpoint_is_that_of_the_line_to_a_permuted_b(architecture):
    spy = Spy()
    result = measured(architecture, [spy])
    reversal = result.maps[method_key(spy)]
    line = evaluate_line(architecture, network(0), network(1), [reversal], line_points(3), TRAIN)
    (problem,) = spy.problems
    mapped = problem.graph.apply(network(1), reversal)
    middle = {name: (tensor + mapped[name]) / 2 for name, tensor in network(0).items()}
    np.testing.assert_allclose(problem.loss.loss(middle), line.loss[0, 1], rtol=1e-6)
    assert row_of(result.runs, "spy", "train").loss_midpoint == pytest.approx(line.loss[0, 1], rel=1e-6)


def test_the_generator_comes_from_the_seed_and_the_method(architecture):
    draws = []
    for seed in (0, 0, 1):
        spy = Spy()
        measured(architecture, [Weights(), spy], seed=seed)
        draws.append(spy.problems[0].generator.random(4).tolist())
    assert draws[0] == draws[1] == generator(0, "matching", "spy").random(4).tolist()
    assert draws[2] != draws[0]


def test_a_problem_of_three_networks_holds_those_of_its_pairs(architecture):
    networks = [network(k) for k in range(3)]
    whole = matching_problem(architecture, networks, TRAIN, NEEDS)
    assert len(whole.views) == 3
    assert sorted(whole.cross_moments) == [(0, 1), (0, 2), (1, 2)]
    for i, j in whole.cross_moments:
        pair = matching_problem(architecture, [networks[i], networks[j]], TRAIN, NEEDS)
        for view, one in ((whole.views[i], pair.a), (whole.views[j], pair.b)):
            for name, array in one.weights.items():
                np.testing.assert_array_equal(view.weights[name], array)
            for site, moments in one.moments.items():
                np.testing.assert_allclose(view.moments[site].second, moments.second, rtol=1e-6, atol=1e-9)
                np.testing.assert_allclose(view.moments[site].mean, moments.mean, rtol=1e-6, atol=1e-9)
        for site, cross in pair.cross_moments[0, 1].items():
            np.testing.assert_allclose(whole.cross_moments[i, j][site], cross, rtol=1e-5, atol=1e-8)


def test_moments_and_losses_of_some_examples_are_those_of_a_split_of_these_alone(architecture):
    networks = [network(k) for k in range(2)]
    every_third = Split(TRAIN.inputs[::3], TRAIN.labels[::3])  # of 60
    some, alone = (matching_problem(architecture, networks, *args) for args in ((TRAIN, NEEDS, None, 2000, 20), (every_third, NEEDS)))
    assert some.loss.n_examples == 20
    assert some.loss.loss(networks[0]) == alone.loss.loss(networks[0])
    for site, moments in alone.a.moments.items():
        np.testing.assert_array_equal(some.a.moments[site].second, moments.second)
    for site, cross in alone.cross_moments[0, 1].items():
        np.testing.assert_array_equal(some.cross_moments[0, 1][site], cross)


@pytest.mark.parametrize("examples", [None, 60, 1000])
def test_as_many_examples_as_there_are_change_nothing(architecture, examples):
    networks = [network(k) for k in range(2)]
    some, whole = (matching_problem(architecture, networks, TRAIN, NEEDS, examples=most) for most in (examples, None))
    assert some.loss.train is whole.loss.train is TRAIN
