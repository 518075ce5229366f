"""Soft permutations: marginals, limits of the temperature, and the implicit gradient against finite differences and autograd."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from lmc_sweeps.maths.doubly_stochastic import balanced, implicit_gradient, newton


def logits(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, n))


@pytest.mark.parametrize("n", [1, 2, 5, 33])
@pytest.mark.parametrize("temperature", [1e3, 1.0, 0.1, 1e-3])
@pytest.mark.parametrize("seed", range(2))
def test_rows_and_columns_sum_to_one_at_every_temperature(n: int, temperature: float, seed: int) -> None:
    scores = logits(n, seed) / temperature
    soft = balanced(scores)
    assert soft.converged
    assert soft.matrix.min() >= 0
    for axis in (0, 1):
        np.testing.assert_allclose(soft.matrix.sum(axis), 1.0, rtol=0, atol=1e-9)
    np.testing.assert_allclose(soft.matrix, np.exp(scores + soft.rows[:, None] + soft.columns), rtol=1e-9)


@pytest.mark.parametrize("n", [2, 5, 33])
def test_cold_it_is_the_permutation_of_the_largest_sum_and_hot_it_is_uniform(n: int) -> None:
    scores = logits(n)
    permutation = linear_sum_assignment(scores, maximize=True)[1]
    np.testing.assert_allclose(balanced(scores / 1e-5).matrix, np.eye(n)[permutation], atol=1e-6)
    np.testing.assert_allclose(balanced(scores / 1e7).matrix, 1 / n, atol=1e-6)


def test_the_exponentials_and_the_logarithms_give_the_same() -> None:
    scores = logits(12)
    far = scores + 300 * np.arange(12)[:, None] - 200 * np.arange(12)  # constants of rows and columns change nothing
    np.testing.assert_allclose(balanced(far).matrix, balanced(scores).matrix, atol=1e-8)


def test_newton_goes_on_from_any_potentials_and_says_when_it_stops_early() -> None:
    scores = 5 * logits(9)
    rng = np.random.default_rng(1)
    np.testing.assert_allclose(newton(scores, *rng.standard_normal((2, 9))).matrix, balanced(scores).matrix, atol=1e-8)
    assert not newton(scores, *rng.standard_normal((2, 9)), tolerance=-1.0).converged


@pytest.mark.parametrize("temperature", [10.0, 1.0, 0.1, 1e-3])
@pytest.mark.parametrize("start", ["the potentials of similar logits", "random", "far apart", "of another constant"])
def test_potentials_to_begin_with_change_nothing(temperature: float, start: str) -> None:
    rng = np.random.default_rng(1)
    scores = logits(20) / temperature
    expected = balanced(scores)
    similar = balanced(scores + 0.1 * rng.standard_normal(scores.shape)).columns
    starts = {"random": rng.standard_normal(20), "far apart": 2000 * rng.standard_normal(20), "of another constant": expected.columns + 1e4}
    warm = balanced(scores, columns=starts.get(start, similar))
    assert warm.converged
    np.testing.assert_allclose(warm.matrix, expected.matrix, atol=1e-8)


@pytest.mark.parametrize("temperature", [1.0, 0.3, 0.1])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_implicit_gradient_is_that_of_finite_differences(n: int, temperature: float) -> None:
    scores, weights = logits(n), logits(n, 1)

    def value(changed: np.ndarray) -> float:
        matrix = balanced(changed / temperature, 1e-13).matrix
        return float(np.sum(weights * matrix**2))

    matrix = balanced(scores / temperature, 1e-13).matrix
    gradient = implicit_gradient(matrix, 2 * weights * matrix, temperature)
    differences = np.zeros_like(scores)
    for index in np.ndindex(scores.shape):
        step = np.zeros_like(scores)
        step[index] = 1e-5
        differences[index] = (value(scores + step) - value(scores - step)) / 2e-5
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_the_implicit_gradient_is_that_of_autograd_through_the_converged_iteration(temperature: float) -> None:
    scores, weights = logits(12), logits(12, 1)
    leaf = torch.tensor(scores, requires_grad=True)
    log = leaf / temperature
    for _ in range(3000):
        log = log - log.logsumexp(1, keepdim=True)
        log = log - log.logsumexp(0, keepdim=True)
    (log.exp() * torch.tensor(weights)).sum().backward()
    matrix = balanced(scores / temperature, 1e-13).matrix
    np.testing.assert_allclose(matrix, log.exp().detach().numpy(), atol=1e-10)
    np.testing.assert_allclose(implicit_gradient(matrix, weights, temperature), leaf.grad.numpy(), rtol=1e-6, atol=1e-9)


def test_the_gradient_takes_the_marginals_as_they_are_and_vanishes_at_a_hard_permutation() -> None:
    hard = np.eye(6)[np.random.default_rng(0).permutation(6)]
    np.testing.assert_allclose(implicit_gradient(hard, logits(6)), 0.0, atol=1e-9)
    # What only changes the sums of rows or of columns has no gradient on matrices whose sums are fixed.
    matrix = balanced(logits(6)).matrix
    constant = np.add.outer(np.arange(6.0), np.arange(6.0) ** 2)
    np.testing.assert_allclose(implicit_gradient(matrix, constant), 0.0, atol=1e-9)
