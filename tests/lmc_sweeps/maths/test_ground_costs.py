"""Ground costs against explicit loops, and the law of what matching two random layers costs."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from lmc_sweeps.maths.ground_costs import activation_distances, squared_distances
from lmc_sweeps.transport.assignment import Assignment


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def metric(d: int, rank: int, seed: int = 5) -> np.ndarray:
    rows = normal(rank, d, seed=seed)
    return rows.T @ rows / rank


@pytest.mark.parametrize(("n_a", "n_b", "d"), [(6, 6, 4), (3, 7, 5), (1, 1, 1)])
def test_squared_distances_are_those_of_an_explicit_loop(n_a: int, n_b: int, d: int) -> None:
    a, b = normal(n_a, d), normal(n_b, d, seed=1)
    expected = [[sum((x - y) ** 2 for x, y in zip(u, v, strict=True)) for v in b] for u in a]
    np.testing.assert_allclose(squared_distances(a, b), expected, rtol=1e-12)


@pytest.mark.parametrize("rank", [1, 3, 20])
def test_squared_distances_in_a_metric_are_those_of_an_explicit_loop(rank: int) -> None:
    a, b, s = normal(6, 5), normal(6, 5, seed=1), metric(5, rank)
    expected = [[(u - v) @ s @ (u - v) for v in b] for u in a]
    # atol: three terms of size 10 cancel where the metric does not see the difference
    np.testing.assert_allclose(squared_distances(a, b, s), expected, rtol=1e-11, atol=1e-13)


def test_the_metric_of_data_measures_what_the_neurons_compute_on_them() -> None:
    # This is why the covariance weighs the weights: ||u - v||_S^2 = E (u.x - v.x)^2.
    a, b, x = normal(6, 5), normal(6, 5, seed=1), normal(200, 5, seed=2) + 1.0
    expected = ((x @ a.T)[:, :, None] - (x @ b.T)[:, None, :]) ** 2
    np.testing.assert_allclose(squared_distances(a, b, x.T @ x / len(x)), expected.mean(axis=0), rtol=1e-11)


def test_the_identity_metric_changes_nothing() -> None:
    a, b = normal(6, 5), normal(6, 5, seed=1)
    np.testing.assert_allclose(squared_distances(a, b, np.eye(5)), squared_distances(a, b), rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3])
def test_equal_neurons_cost_nothing_and_never_less(scale: float) -> None:
    a = scale * normal(40, 30)
    s = metric(30, 50)
    for cost in (squared_distances(a, a), squared_distances(a, a, s)):
        assert cost.min() >= 0.0
        np.testing.assert_allclose(np.diag(cost), 0.0, atol=1e-13 * cost.max())


def test_single_precision_weights_are_compared_in_double_precision() -> None:
    a, b = normal(6, 5).astype(np.float32), normal(6, 5, seed=1).astype(np.float32)
    cost = squared_distances(a, b)
    assert cost.dtype == np.float64
    np.testing.assert_array_equal(cost, squared_distances(a.astype(np.float64), b.astype(np.float64)))


@pytest.mark.parametrize("seed", range(3))
def test_smallest_distances_and_largest_inner_products_pair_the_same_neurons(seed: int) -> None:
    a, b, s = normal(9, 5, seed=seed), normal(9, 5, seed=seed + 10), metric(5, 20)
    np.testing.assert_array_equal(
        linear_sum_assignment(squared_distances(a, b, s))[1], linear_sum_assignment(a @ s @ b.T, maximize=True)[1]
    )


@pytest.mark.parametrize("centred", [False, True])
def test_activation_distances_are_mean_squared_differences_of_activations(centred: bool) -> None:
    a, b = np.maximum(normal(300, 6), 0), np.maximum(normal(300, 6, seed=1) + 0.5, 0)
    if centred:
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    n = len(a)
    cost = activation_distances(a.T @ a / n, b.T @ b / n, a.T @ b / n)
    expected = [[np.mean((a[:, i] - b[:, j]) ** 2) for j in range(6)] for i in range(6)]
    np.testing.assert_allclose(cost, expected, rtol=1e-12)


def test_equal_activations_cost_nothing_and_never_less() -> None:
    h = np.maximum(normal(100, 20), 0)
    second = h.T @ h / len(h)
    cost = activation_distances(second, second, second * (1 + 1e-15))  # as after rounding
    assert cost.min() >= 0.0
    np.testing.assert_allclose(np.diag(cost), 0.0, atol=1e-14)


def test_the_matching_cost_of_two_gaussian_layers_falls_at_the_measured_rate_and_above_its_bound() -> None:
    d, widths, repeats = 5, [64, 128, 256, 512], 8
    costs = [
        np.mean([Assignment()(squared_distances(normal(m, d, seed=2 * k), normal(m, d, seed=2 * k + 1))).cost for k in range(repeats)])
        for m in widths
    ]
    slope = np.polyfit(np.log(widths), np.log(costs), 1)[0]
    # -2/d = -.4 in the limit. Measured over 80 repeats: -.392, and the slope of 8 repeats has standard deviation .009.
    assert -0.44 <= slope <= -0.35
    np.testing.assert_allclose(costs, [2.303, 1.760, 1.339, 1.022], rtol=0.1)  # the same measurement; .07 is one sd of one cost
    for m, cost in zip(widths, costs, strict=True):
        assert d * m ** (-2 / d) <= cost <= 2 * d  # Shannon's bound on m points; random pairing
