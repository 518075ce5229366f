"""Weight matching, plain and in the metric of activations: both against costs computed neuron by neuron."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc_sweeps import matching
from lmc_sweeps.matching.base import MatchingProblem, Moments
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.dimension import approximate_dimension
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mlp import Mlp

ProblemOf = Callable[..., MatchingProblem]
WIDTH, DEPTH = 11, 3
GROUPS = [f"hidden_{k}" for k in range(1, DEPTH + 1)]


def networks(bias: bool = True) -> tuple[FeedForward, dict[str, Tensor], dict[str, Tensor]]:
    settings = Mlp(bias=bias)
    drawn = (settings.initial(6, WIDTH, DEPTH, 4, np.random.default_rng(seed)) for seed in (0, 1))
    a, b = ({name: tensor.double() for name, tensor in net.items()} for net in drawn)
    return settings.architecture(6, WIDTH, DEPTH, 4), a, b


def inputs() -> Tensor:
    return torch.from_numpy(np.random.default_rng(7).standard_normal((300, 6)) + 0.3)


@pytest.fixture
def problem(problem_of: ProblemOf) -> MatchingProblem:
    return problem_of(*networks(), inputs())


def rows(problem: MatchingProblem, k: int, below: dict[str, np.ndarray], biases: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (w, b) or w of layer k of A and of B, B's inputs in A's order."""
    both = []
    for weights, moved in ((problem.weights_a, None), (problem.weights_b, below.get(f"hidden_{k - 1}"))):
        w = weights[f"hidden_{k}.weight"]
        w = w if moved is None else w[:, moved]
        both.append(np.column_stack([w, weights[f"hidden_{k}.bias"]]) if biases else w)
    return both[0], both[1]


def explicit(a: np.ndarray, b: np.ndarray, metric: np.ndarray) -> np.ndarray:
    return np.array([[(u - v) @ metric @ (u - v) for v in b] for u in a])


def below_of(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {group: rng.permutation(WIDTH) for group in GROUPS}


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("biases", [False, True])
def test_the_cost_of_weights_is_the_squared_distance_of_incoming_rows(k: int, biases: bool, problem: MatchingProblem) -> None:
    below = below_of(3)
    a, b = rows(problem, k, below, biases)
    cost = Weights(biases=biases).ground_cost(problem, f"hidden_{k}", below)
    np.testing.assert_allclose(cost, explicit(a, b, np.eye(a.shape[1])), rtol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("biases", [False, True])
def test_the_cost_of_covariance_is_the_distance_of_augmented_rows_in_the_augmented_metric(
    k: int, centred: bool, biases: bool, problem: MatchingProblem
) -> None:
    below = below_of(3)
    a, b = rows(problem, k, below, biases)
    moments = problem.moments_a["input" if k == 1 else f"hidden_{k - 1}"]
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
    moments = {key: Moments(np.zeros_like(moment.mean), np.eye(len(moment.mean))) for key, moment in problem.moments_a.items()}
    return replace(problem, moments_a=moments, moments_b=moments)


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
def test_at_the_first_layer_covariance_reaches_the_lowest_cost_in_its_own_metric(seed: int, problem_of: ProblemOf) -> None:
    # Guaranteed by optimality at layer 1 alone: further up, the two methods have permuted the inputs differently.
    settings = Mlp()
    a, b = (settings.initial(6, 40, 1, 4, np.random.default_rng([seed, k])) for k in (0, 1))
    problem = problem_of(settings.architecture(6, 40, 1, 4), a, b, inputs().float() * torch.tensor([5.0, 1, 1, 0.2, 0.2, 0.1]))
    cost = Covariance().ground_cost(problem, "hidden_1", {})
    plain, weighted = (method(problem).permutations["hidden_1"] for method in (Weights(), Covariance()))
    reached, other = (cost[np.arange(40), permutation].mean() for permutation in (weighted, plain))
    assert reached < other


@pytest.mark.parametrize("biases", [False, True])
def test_the_dimension_of_weights_is_that_of_w_transposed_w(biases: bool, problem: MatchingProblem) -> None:
    for k, layer in enumerate(Weights(biases=biases)(problem).layers, start=1):
        a, b = rows(problem, k, {}, biases)
        np.testing.assert_allclose(layer.approximate_dimension, approximate_dimension(a.T @ a), rtol=1e-12)
        np.testing.assert_allclose(layer.approximate_dimension_b, approximate_dimension(b.T @ b), rtol=1e-12)
        # Centred: the participation ratio of the covariance of the neurons' weights, however that is computed.
        np.testing.assert_allclose(layer.approximate_dimension_centred, approximate_dimension(np.cov(a.T)), rtol=1e-10)
        np.testing.assert_allclose(layer.approximate_dimension_centred_b, approximate_dimension(np.cov(b.T)), rtol=1e-10)


def test_the_dimension_of_covariance_is_that_of_w_sigma_w_transposed_each_network_with_its_own_moments(problem: MatchingProblem) -> None:
    for k, layer in enumerate(Covariance()(problem).layers, start=1):
        source = "input" if k == 1 else f"hidden_{k - 1}"
        for w, moments, dimensions in zip(
            rows(problem, k, {}, False),
            (problem.moments_a[source], problem.moments_b[source]),
            (
                (layer.approximate_dimension, layer.approximate_dimension_centred),
                (layer.approximate_dimension_b, layer.approximate_dimension_centred_b),
            ),
            strict=True,
        ):
            expected = [approximate_dimension(w @ matrix @ w.T) for matrix in (moments.second, moments.covariance)]
            np.testing.assert_allclose(dimensions, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["weights", "covariance"])
def test_in_a_network_without_biases_the_setting_changes_nothing(name: str, problem_of: ProblemOf) -> None:
    problem = problem_of(*networks(bias=False), inputs())
    with_biases, without = (matching.choices()[name](biases=biases)(problem) for biases in (True, False))
    assert with_biases.layers == without.layers
    for group in GROUPS:
        np.testing.assert_array_equal(with_biases.permutations[group], without.permutations[group])


@pytest.mark.parametrize("biases", [False, True])
def test_outgoing_weights_are_in_the_rows_of_the_last_hidden_layer_only(biases: bool, problem: MatchingProblem) -> None:
    below = below_of(3)
    for k in (1, 2, 3):
        a, b = rows(problem, k, below, biases)
        if k == DEPTH:
            a, b = (np.column_stack([r, w["output.weight"].T]) for r, w in ((a, problem.weights_a), (b, problem.weights_b)))
        cost = Weights(biases=biases, outgoing=True).ground_cost(problem, f"hidden_{k}", below)
        np.testing.assert_allclose(cost, explicit(a, b, np.eye(a.shape[1])), rtol=1e-12)


@pytest.mark.parametrize(
    "method", [Weights(), Weights(biases=True, outgoing=True), Covariance(), Covariance(biases=True), Covariance(centred=True)], ids=str
)
@pytest.mark.parametrize("k", [1, 2])
def test_the_spectrum_is_that_of_the_cost(method: Weights | Covariance, k: int, problem: MatchingProblem) -> None:
    # The variances of a cloud sum to half the mean squared distance between two of its points, drawn with replacement.
    same = replace(problem, weights_b=problem.weights_a)
    cost = method.ground_cost(same, f"hidden_{k}", {})
    np.testing.assert_allclose(method.spectrum(problem, f"hidden_{k}").sum(), cost.mean() / 2, rtol=1e-10)
