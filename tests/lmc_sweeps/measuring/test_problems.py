"""Matching problems: methods hold what a method needs, rightly, and nothing more."""

import numpy as np
import pytest
from small_pairs import TRAIN, Spy, measured, network, perceptron, row_of

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.matching.base import NEEDS
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.interpolation import line_points
from lmc_sweeps.measuring.evaluation import evaluate_line
from lmc_sweeps.measuring.pairs import method_key
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
        "weights": bool(problem.weights_a) and bool(problem.weights_b),
        "moments": bool(problem.moments_a) and bool(problem.moments_b),
        "cross_moments": bool(problem.cross_moments),
        "objective": problem.objective is not None,
        "generator": problem.generator is not None,
    }
    assert {need for need, is_filled in filled.items() if is_filled} == set(wants)
    assert (bool(problem.weights_a) or bool(problem.weights_b)) is filled["weights"]
    assert (bool(problem.moments_a) or bool(problem.moments_b)) is filled["moments"]
    assert problem.sizes == {"hidden_1": 8, "hidden_2": 8}
    assert problem.sources == {"hidden_1": ("input",), "hidden_2": ("hidden_1",)}


def test_the_problem_holds_the_weights_in_float64_and_the_moments_of_the_training_set(architecture):
    spy = Spy()
    measured(architecture, [spy])
    (problem,) = spy.problems
    for held, own in ((problem.weights_a, network(0)), (problem.weights_b, network(1))):
        for name, tensor in own.items():
            assert held[name].dtype == np.float64
            np.testing.assert_array_equal(held[name], tensor.double().numpy())
    inputs = TRAIN.inputs.double().numpy()
    np.testing.assert_allclose(problem.moments_a["input"].second, inputs.T @ inputs / 60, atol=1e-5)  # products in float32
    hidden = [
        np.maximum(inputs @ net["hidden_1.weight"].double().numpy().T + net["hidden_1.bias"].numpy(), 0) for net in map(network, (0, 1))
    ]
    np.testing.assert_allclose(problem.cross_moments["hidden_1"], hidden[0].T @ hidden[1] / 60, atol=1e-5)


def test_the_objective_is_the_training_loss_halfway_to_a_permuted_b(architecture):
    spy = Spy()
    result = measured(architecture, [spy])
    reversal = result.permutations[method_key(spy)]
    line = evaluate_line(architecture, network(0), network(1), [reversal], line_points(3), TRAIN)
    np.testing.assert_allclose(spy.problems[0].objective(reversal), line.loss[0, 1], rtol=1e-12)
    assert row_of(result.runs, "spy", "train").loss_midpoint == pytest.approx(line.loss[0, 1], rel=1e-6)


def test_the_generator_comes_from_the_seed_and_the_method(architecture):
    draws = []
    for seed in (0, 0, 1):
        spy = Spy()
        measured(architecture, [Weights(), spy], seed=seed)
        draws.append(spy.problems[0].generator.random(4).tolist())
    assert draws[0] == draws[1] == generator(0, "matching", "spy").random(4).tolist()
    assert draws[2] != draws[0]
