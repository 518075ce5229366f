"""Weight matching in the metric of activations: against costs computed neuron by neuron, and against plain weight matching."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_problems import GROUPS, below_of, explicit, inputs, networks, rows

from lmc_sweeps.matching.base import MatchingProblem, Moments
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.dimension import approximate_dimension
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mlp import Mlp


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("biases", [False, True])
def test_the_cost_of_covariance_is_the_distance_of_augmented_rows_in_the_augmented_metric(
    k: int, centred: bool, biases: bool, problem: MatchingProblem
) -> None:
    below = below_of(3)
    a, b = rows(problem, k, below, biases)
    moments = problem.a.moments["input" if k == 1 else f"hidden_{k - 1}"]
    mean, metric = moments.mean, moments.covariance if centred else moments.second
    if biases:
        border = np.zeros_like(mean) if centred else mean
        metric = np.vstack([np.column_stack([metric, border]), np.append(border, 1.0)])
    cost = Covariance(biases=biases, centred=centred).ground_cost(problem, f"hidden_{k}", below)
    np.testing.assert_allclose(cost, explicit(a, b, metric), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("biases", [False, True])
def test_the_cost_of_covariance_is_the_mean_squared_difference_of_preactivations_on_as_activations(
    biases: bool, problem: MatchingProblem
) -> None:
    architecture, a, _ = networks()
    hidden = architecture.activations({name: tensor.unsqueeze(0) for name, tensor in a.items()}, inputs())
    h = hidden["hidden_1"][0].numpy()
    h = np.column_stack([h, np.ones(len(h))]) if biases else h
    rows_a, rows_b = rows(problem, 2, below_of(3), biases)
    expected = np.mean(((h @ rows_a.T)[:, :, None] - (h @ rows_b.T)[:, None, :]) ** 2, axis=0)
    cost = Covariance(biases=biases).ground_cost(problem, "hidden_2", below_of(3))
    np.testing.assert_allclose(cost, expected, rtol=1e-11)


def with_unit_moments(problem: MatchingProblem) -> MatchingProblem:
    moments = {key: Moments(np.zeros_like(moment.mean), np.eye(len(moment.mean))) for key, moment in problem.a.moments.items()}
    return replace(problem, views=tuple(replace(view, moments=moments) for view in problem.views))


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("centred", [False, True])
def test_with_unit_moments_covariance_is_weights(biases: bool, centred: bool, problem: MatchingProblem) -> None:
    unit = with_unit_moments(problem)
    plain, weighted = Weights(biases=biases)(unit), Covariance(biases=biases, centred=centred)(unit)
    for group in GROUPS:
        np.testing.assert_array_equal(weighted.permutations[group], plain.permutations[group])
    for left, right in zip(weighted.layers, plain.layers, strict=True):
        np.testing.assert_allclose(
            (left.matching_cost, left.identity_cost, left.approximate_dimension, left.approximate_dimension_b),
            (right.matching_cost, right.identity_cost, right.approximate_dimension, right.approximate_dimension_b),
            rtol=1e-12,
        )


def test_with_the_moments_of_the_problem_covariance_and_weights_differ(problem: MatchingProblem) -> None:
    plain, weighted = Weights()(problem), Covariance()(problem)
    assert any(not np.array_equal(plain.permutations[group], weighted.permutations[group]) for group in GROUPS)


@pytest.mark.parametrize("seed", range(4))
def test_at_the_first_layer_covariance_reaches_the_lowest_cost_in_its_own_metric(
    seed: int, problem_of: Callable[..., MatchingProblem]
) -> None:
    # Guaranteed by optimality at layer 1 alone: further up, the two methods have permuted the inputs differently.
    settings = Mlp()
    a, b = (settings.initial(Shape((6,), 40, 1, 4), np.random.default_rng([seed, k])) for k in (0, 1))
    problem = problem_of(settings.architecture(Shape((6,), 40, 1, 4)), a, b, inputs().float() * torch.tensor([5.0, 1, 1, 0.2, 0.2, 0.1]))
    cost = Covariance().ground_cost(problem, "hidden_1", {})
    plain, weighted = (method(problem).permutations["hidden_1"] for method in (Weights(), Covariance()))
    reached, other = (cost[np.arange(40), permutation].mean() for permutation in (weighted, plain))
    assert reached < other


def test_the_dimension_of_covariance_is_that_of_w_sigma_w_transposed_each_network_with_its_own_moments(problem: MatchingProblem) -> None:
    for k, layer in enumerate(Covariance()(problem).layers, start=1):
        source = "input" if k == 1 else f"hidden_{k - 1}"
        for w, moments, dimensions in zip(
            rows(problem, k, {}, False),
            (problem.a.moments[source], problem.b.moments[source]),
            (
                (layer.approximate_dimension, layer.approximate_dimension_centred),
                (layer.approximate_dimension_b, layer.approximate_dimension_centred_b),
            ),
            strict=True,
        ):
            expected = [approximate_dimension(w @ matrix @ w.T) for matrix in (moments.second, moments.covariance)]
            np.testing.assert_allclose(dimensions, expected, rtol=1e-12)
