"""`activations`: costs against direct differences of activations, layer by layer and independent of the layers below."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.base import MatchingProblem
from lmc_sweeps.maths.dimension import approximate_dimension
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.models.base import Shape, stacked
from lmc_sweeps.models.feed_forward import FeedForward, Layer
from lmc_sweeps.models.mlp import Mlp

ProblemOf = Callable[..., MatchingProblem]
GROUPS = ["hidden_1", "hidden_2"]
SETTINGS = Mlp(activation="tanh")
ARCHITECTURE = SETTINGS.architecture(Shape((6,), 10, 2, 4))
A, B = ({k: v.double() for k, v in SETTINGS.initial(Shape((6,), 10, 2, 4), np.random.default_rng(seed)).items()} for seed in (0, 1))
INPUTS = torch.from_numpy(np.random.default_rng(7).standard_normal((300, 6)))
HIDDEN = {key: values.numpy() for key, values in ARCHITECTURE.activations(stacked([A, B]), INPUTS).items()}  # (2, n, neurons)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("group", GROUPS)
def test_the_cost_is_the_mean_squared_difference_of_activations(centred: bool, group: str, problem_of: ProblemOf) -> None:
    a, b = HIDDEN[group]
    if centred:
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    expected = np.mean((a[:, :, None] - b[:, None, :]) ** 2, axis=0)
    cost = Activations(centred=centred).ground_cost(problem_of(ARCHITECTURE, A, B, INPUTS), group, {})
    np.testing.assert_allclose(cost, expected, rtol=1e-10)


@pytest.mark.parametrize("group", GROUPS)
def test_the_centred_cost_pairs_the_neurons_of_the_largest_total_covariance(group: str, problem_of: ProblemOf) -> None:
    covariance = np.cov(HIDDEN[group][0], HIDDEN[group][1], rowvar=False)[:10, 10:]
    permutation = Activations()(problem_of(ARCHITECTURE, A, B, INPUTS)).permutations[group]
    np.testing.assert_array_equal(permutation, linear_sum_assignment(covariance, maximize=True)[1])


def test_a_shift_of_the_activations_is_seen_by_the_uncentred_cost_alone(problem_of: ProblemOf) -> None:
    linear = FeedForward([Layer("hidden_1", True), Layer("output", True)])  # without an activation, a bias is a shift
    a = {name: A[name] for name in linear.spec.axes}
    shifted = {**a, "hidden_1.bias": a["hidden_1.bias"] + torch.arange(10)}
    problem = problem_of(linear, a, shifted, INPUTS)
    centred, uncentred = (np.diag(Activations(centred=c).ground_cost(problem, "hidden_1", {})) for c in (True, False))
    np.testing.assert_allclose(centred, 0.0, atol=1e-12)
    np.testing.assert_allclose(uncentred, np.arange(10.0) ** 2, atol=1e-12)


def test_permuting_the_first_layer_of_b_does_not_change_what_is_found_for_the_second(problem_of: ProblemOf) -> None:
    moved = apply_permutations(B, ARCHITECTURE.spec, {"hidden_1": np.random.default_rng(0).permutation(10)})
    before, after = (Activations()(problem_of(ARCHITECTURE, A, b, INPUTS)) for b in (B, moved))
    np.testing.assert_array_equal(after.permutations["hidden_2"], before.permutations["hidden_2"])
    assert not np.array_equal(after.permutations["hidden_1"], before.permutations["hidden_1"])


@pytest.mark.parametrize("centred", [False, True])
def test_the_dimension_is_that_of_the_uncentred_moments_of_each_network(centred: bool, problem_of: ProblemOf) -> None:
    for layer in Activations(centred=centred)(problem_of(ARCHITECTURE, A, B, INPUTS)).layers:
        a, b = HIDDEN[layer.layer_name]
        np.testing.assert_allclose(layer.approximate_dimension, approximate_dimension(a.T @ a), rtol=1e-12)
        np.testing.assert_allclose(layer.approximate_dimension_b, approximate_dimension(b.T @ b), rtol=1e-12)
        np.testing.assert_allclose(layer.approximate_dimension_centred, approximate_dimension(np.cov(a.T)), rtol=1e-8)
        np.testing.assert_allclose(layer.approximate_dimension_centred_b, approximate_dimension(np.cov(b.T)), rtol=1e-8)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("correlation", [False, True])
def test_the_spectrum_is_that_of_the_cost(centred: bool, correlation: bool, problem_of: ProblemOf) -> None:
    # The variances of a cloud sum to half the mean squared distance between two of its points, drawn with replacement.
    method, problem = Activations(centred=centred, correlation=correlation), problem_of(ARCHITECTURE, A, A, INPUTS)
    np.testing.assert_allclose(
        method.spectrum(problem, "hidden_2").sum(), method.ground_cost(problem, "hidden_2", {}).mean() / 2, rtol=1e-10
    )


@pytest.mark.parametrize("group", GROUPS)
def test_the_cost_of_correlations_is_the_mean_squared_difference_of_standardised_activations(group: str, problem_of: ProblemOf) -> None:
    a, b = ((values - values.mean(0)) / values.std(0) for values in HIDDEN[group])
    problem = problem_of(ARCHITECTURE, A, B, INPUTS)
    method = Activations(correlation=True)
    np.testing.assert_allclose(method.ground_cost(problem, group, {}), np.mean((a[:, :, None] - b[:, None, :]) ** 2, axis=0), rtol=1e-9)
    correlations = np.corrcoef(*HIDDEN[group], rowvar=False)[:10, 10:]
    expected = linear_sum_assignment(correlations, maximize=True)[1]
    np.testing.assert_array_equal(method(problem).permutations[group], expected)


@pytest.mark.parametrize("group", GROUPS)
def test_uncentred_correlations_are_cosines(group: str, problem_of: ProblemOf) -> None:
    a, b = (values / np.linalg.norm(values, axis=0) for values in HIDDEN[group])
    cost = Activations(centred=False, correlation=True).ground_cost(problem_of(ARCHITECTURE, A, B, INPUTS), group, {})
    np.testing.assert_allclose(cost, 2 - 2 * a.T @ b, rtol=0, atol=1e-10)


def test_correlations_do_not_depend_on_the_scale_of_a_neuron_and_costs_do(problem_of: ProblemOf) -> None:
    relu = Mlp(activation="relu").architecture(Shape((6,), 10, 2, 4))
    factors = torch.logspace(-2, 2, 10, dtype=torch.float64)
    scaled = {**B, "hidden_1.weight": factors[:, None] * B["hidden_1.weight"], "hidden_1.bias": factors * B["hidden_1.bias"]}
    for correlation in (True, False):
        costs = [Activations(correlation=correlation).ground_cost(problem_of(relu, A, b, INPUTS), "hidden_1", {}) for b in (B, scaled)]
        assert np.allclose(*costs, rtol=0, atol=1e-10) == correlation


def test_a_neuron_that_does_not_vary_has_no_correlation(problem_of: ProblemOf) -> None:
    dead = [{**net, "hidden_1.weight": net["hidden_1.weight"].clone()} for net in (A, B)]
    for net, neuron in zip(dead, (2, 7), strict=True):
        net["hidden_1.weight"][neuron] = 0  # a constant, which tanh of the bias is
    problem = problem_of(ARCHITECTURE, *dead, INPUTS)
    cost = Activations(correlation=True).ground_cost(problem, "hidden_1", {})
    np.testing.assert_allclose(np.delete(cost[2], 7), 1.0, rtol=1e-9)
    np.testing.assert_allclose(np.delete(cost[:, 7], 2), 1.0, rtol=1e-9)
    assert cost[2, 7] == 0


def test_correlation_is_in_the_name_of_the_method_only_where_it_is_set() -> None:
    assert Activations(correlation=False).settings_hash() == Activations().settings_hash() != Activations(correlation=True).settings_hash()
