"""The approximate dimension: closed forms, and the value at initialisation that the paper's figure shows."""

import numpy as np
import pytest
from scipy import stats

from lmc_sweeps.maths.dimension import approximate_dimension, spectrum_of_products, spectrum_of_rows
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mlp import Mlp


def second_moment(n: int, d: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, d))
    return rows.T @ rows


@pytest.mark.parametrize("d", [1, 2, 5, 64])
def test_the_identity_matrix_has_all_its_dimensions(d: int) -> None:
    np.testing.assert_allclose(approximate_dimension(np.eye(d)), d, rtol=1e-14)


def test_a_matrix_of_rank_one_has_one_dimension() -> None:
    u = np.random.default_rng(0).standard_normal(30)
    np.testing.assert_allclose(approximate_dimension(np.outer(u, u)), 1.0, rtol=1e-12)


def test_a_projection_onto_k_directions_has_k_dimensions() -> None:
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((20, 20)))[0][:, :7]
    np.testing.assert_allclose(approximate_dimension(basis @ basis.T), 7.0, rtol=1e-12)


def test_it_is_the_participation_ratio_of_the_eigenvalues() -> None:
    matrix = second_moment(25, 12)
    values = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(approximate_dimension(matrix), values.sum() ** 2 / (values**2).sum(), rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e6, -2.0])
def test_scale_and_sign_do_not_matter(scale: float) -> None:
    matrix = second_moment(25, 12)
    np.testing.assert_allclose(approximate_dimension(scale * matrix), approximate_dimension(matrix), rtol=1e-12)


def test_w_transposed_w_and_w_w_transposed_have_the_same_dimension() -> None:
    # `weights` reports the smaller product, the paper's notebook the larger one.
    w = np.random.default_rng(0).standard_normal((9, 31))
    np.testing.assert_allclose(approximate_dimension(w @ w.T), approximate_dimension(w.T @ w), rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_it_lies_between_one_and_the_rank(seed: int) -> None:
    dimension = approximate_dimension(second_moment(6, 40, seed))
    assert 1.0 < dimension < 6.0


def test_the_zero_matrix_has_none() -> None:
    assert np.isnan(approximate_dimension(np.zeros((4, 4))))


@pytest.mark.parametrize(("m", "n"), [(512, 784), (512, 512)])
def test_fresh_weights_have_the_dimension_of_random_matrix_theory(m: int, n: int) -> None:
    # Independent entries of variance v and kurtosis k: E tr(W^T W) = m n v and E tr((W^T W)^2) = m n v^2 (m + n + k - 2),
    # hence m n / (m + n + k - 2): 309.6 and 255.9, the values of the paper's figure at its smallest learning rate.
    kurtosis = 3.0 + float(stats.truncnorm(-2, 2).stats("k"))
    np.testing.assert_allclose(kurtosis, 2.366, atol=1e-3)
    w = Mlp(initialisation="lecun").initial(Shape((n,), m, 1, 10), np.random.default_rng(0))["hidden_1.weight"].double().numpy()
    np.testing.assert_allclose(approximate_dimension(w.T @ w), m * n / (m + n + kurtosis - 2), rtol=0.01)


@pytest.mark.parametrize(("m", "d"), [(30, 7), (7, 30), (12, 12)])
@pytest.mark.parametrize("with_metric", [False, True])
def test_the_spectrum_is_that_of_the_covariance_in_the_metric_whichever_side_is_smaller(m: int, d: int, with_metric: bool) -> None:
    rng = np.random.default_rng(m)
    rows, root = rng.standard_normal((m, d)) + 1.0, rng.standard_normal((d, d - 2))
    metric = root @ root.T if with_metric else np.eye(d)  # singular: some inputs never vary
    expected = np.linalg.eigvals(np.cov(rows.T, bias=True) @ metric).real
    spectrum = spectrum_of_rows(rows, metric if with_metric else None)
    k = min(m, d)
    np.testing.assert_allclose(spectrum, np.sort(expected)[-k:], atol=1e-9 * expected.max())
    np.testing.assert_allclose(spectrum_of_products(rows @ metric @ rows.T)[-k:], spectrum, atol=1e-9 * expected.max())


def test_one_neuron_has_no_spread() -> None:
    np.testing.assert_array_equal(spectrum_of_rows(np.ones((1, 3))), [0.0])
