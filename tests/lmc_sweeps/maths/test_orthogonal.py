"""Orthogonal matrices: the best ones against SciPy and against many others, and what random ones leave where it is."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from lmc_sweeps.maths.orthogonal import across_ones, procrustes, random_orthogonal

N = 6
both = pytest.mark.parametrize("keeps_ones", [False, True])


def inner(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sum(one * other))


def test_it_is_the_solution_of_scipy() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, N, 40))
    np.testing.assert_allclose(procrustes(a @ b.T), orthogonal_procrustes(b.T, a.T)[0].T, atol=1e-12)


@both
def test_no_other_orthogonal_matrix_has_a_larger_inner_product(keeps_ones: bool) -> None:
    rng = np.random.default_rng(1)
    products = rng.standard_normal((N, N))
    best = procrustes(products, keeps_ones=keeps_ones)
    np.testing.assert_allclose(best @ best.T, np.eye(N), atol=1e-12)
    others = [random_orthogonal(N, rng, keeps_ones=keeps_ones) for _ in range(500)]
    assert inner(products, best) > max(inner(products, other) for other in others)
    basis = across_ones(N) if keeps_ones else np.eye(N)
    value = np.linalg.svd(basis.T @ products @ basis, compute_uv=False).sum() + (products.mean() * N if keeps_ones else 0)
    assert inner(products, best) == pytest.approx(value)


@both
def test_a_planted_map_is_found_and_each_matrix_of_a_stack_is_solved_by_itself(keeps_ones: bool) -> None:
    rng = np.random.default_rng(2)
    planted = np.stack([random_orthogonal(N, rng, keeps_ones=keeps_ones) for _ in range(3)])
    b = rng.standard_normal((3, N, 30))
    products = (planted @ b) @ b.swapaxes(1, 2)
    np.testing.assert_allclose(procrustes(products, keeps_ones=keeps_ones), planted, atol=1e-10)
    for each, alone in zip(products, procrustes(products), strict=True):
        np.testing.assert_allclose(procrustes(each), alone, atol=1e-12)


@both
def test_random_ones_are_orthogonal_of_both_signs_and_keep_what_they_must(keeps_ones: bool) -> None:
    rng = np.random.default_rng(3)
    drawn = [random_orthogonal(N, rng, keeps_ones=keeps_ones) for _ in range(40)]
    for matrix in drawn:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(N), atol=1e-12)
        assert np.allclose(matrix.sum(1), 1) == keeps_ones
    assert {round(float(np.linalg.det(matrix))) for matrix in drawn} == {-1, 1}


@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_space_across_the_vector_of_ones_has_an_orthonormal_basis(n: int) -> None:
    basis = across_ones(n)
    assert basis.shape == (n, n - 1)
    np.testing.assert_allclose(basis.T @ basis, np.eye(n - 1), atol=1e-12)
    np.testing.assert_allclose(basis.sum(0), 0, atol=1e-12)
