"""Weight matching: against costs computed neuron by neuron."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from small_problems import DEPTH, GROUPS, WIDTH, below_of, explicit, inputs, networks, rows

from lmc_sweeps import matching
from lmc_sweeps.matching.base import NOT_CONVERGED, MatchingProblem, NetworkView
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.maths.dimension import approximate_dimension
from lmc_sweeps.symmetry.graph import Graph


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("biases", [False, True])
def test_the_cost_of_weights_is_the_squared_distance_of_incoming_rows(k: int, biases: bool, problem: MatchingProblem) -> None:
    below = below_of(3)
    a, b = rows(problem, k, below, biases)
    cost = Weights(biases=biases).ground_cost(problem, f"hidden_{k}", below)
    np.testing.assert_allclose(cost, explicit(a, b, np.eye(a.shape[1])), rtol=1e-12)


@pytest.mark.parametrize("biases", [False, True])
def test_the_dimension_of_weights_is_that_of_w_transposed_w(biases: bool, problem: MatchingProblem) -> None:
    for k, layer in enumerate(Weights(biases=biases)(problem).layers, start=1):
        a, b = rows(problem, k, {}, biases)
        np.testing.assert_allclose(layer.approximate_dimension, approximate_dimension(a.T @ a), rtol=1e-12)
        np.testing.assert_allclose(layer.approximate_dimension_b, approximate_dimension(b.T @ b), rtol=1e-12)
        # Centred: the participation ratio of the covariance of the neurons' weights, however that is computed.
        np.testing.assert_allclose(layer.approximate_dimension_centred, approximate_dimension(np.cov(a.T)), rtol=1e-10)
        np.testing.assert_allclose(layer.approximate_dimension_centred_b, approximate_dimension(np.cov(b.T)), rtol=1e-10)


@pytest.mark.parametrize("name", ["weights", "covariance"])
def test_in_a_network_without_biases_the_setting_changes_nothing(name: str, problem_of: Callable[..., MatchingProblem]) -> None:
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
            a, b = (np.column_stack([r, w["output.weight"].T]) for r, w in ((a, problem.a.weights), (b, problem.b.weights)))
        cost = Weights(biases=biases, outgoing=True).ground_cost(problem, f"hidden_{k}", below)
        np.testing.assert_allclose(cost, explicit(a, b, np.eye(a.shape[1])), rtol=1e-12)


@pytest.mark.parametrize(
    "method", [Weights(), Weights(biases=True, outgoing=True), Covariance(), Covariance(biases=True), Covariance(centred=True)], ids=str
)
@pytest.mark.parametrize("k", [1, 2])
def test_the_spectrum_is_that_of_the_cost(method: Weights | Covariance, k: int, problem: MatchingProblem) -> None:
    # The variances of a cloud sum to half the mean squared distance between two of its points, drawn with replacement.
    same = replace(problem, views=(problem.a, problem.a))
    cost = method.ground_cost(same, f"hidden_{k}", {"hidden_1": np.arange(WIDTH)} if k == 2 else {})
    np.testing.assert_allclose(method.spectrum(problem, f"hidden_{k}").sum(), cost.mean() / 2, rtol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_costs_are_those_of_the_permutations_that_are_returned_where_groups_feed_one_another_and_never_settle(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes = {"u": ("h", None), "up": ("g", "h"), "down": ("h", "g"), "v": (None, "h")}
    shapes = {"u": (16, 1), "up": (16, 16), "down": (16, 16), "v": (1, 16)}
    a, b = ({name: rng.standard_normal(shape) for name, shape in shapes.items()} for _ in range(2))
    views = (NetworkView(weights=a), NetworkView(weights=b))
    result = Weights()(MatchingProblem(graph=Graph.by_hand(axes, a), views=views))
    assert result.status == NOT_CONVERGED
    h, g = (result.permutations[group] for group in ("h", "g"))
    into_h = ((a["u"] - b["u"][h]) ** 2).sum() + ((a["down"] - b["down"][h][:, g]) ** 2).sum()
    costs = {"h": into_h / 16, "g": ((a["up"] - b["up"][g][:, h]) ** 2).sum() / 16}
    assert {layer.layer_name: layer.matching_cost for layer in result.layers} == pytest.approx(costs, rel=1e-12)
