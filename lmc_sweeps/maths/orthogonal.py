"""Orthogonal matrices: the one that aligns two sets of vectors best, and random ones."""

import numpy as np

from lmc_sweeps.common.threads import one_thread


@one_thread()
def procrustes(products: np.ndarray, *, keeps_ones: bool = False) -> np.ndarray:
    r"""Return the orthogonal matrix Q with the largest inner product with G.

    .. math:: \arg\max_{Q^\top Q = 1} \langle G, Q \rangle = U V^\top, \qquad G = U S V^\top

    For :math:`G = \sum_k a_k b_k^\top` it is that of the least :math:`\sum_k \|a_k - Q b_k\|^2`.

    Parameters
    ----------
    products : ndarray, shape (..., n, n)
        G.
    keeps_ones : bool
        Among those with :math:`Q 1 = 1` only: the best of the space across the vector of ones.

    Returns
    -------
    ndarray, shape (..., n, n)

    References
    ----------
    Schönemann 1966.
    """
    if keeps_ones:
        basis, n = across_ones(products.shape[-1]), products.shape[-1]
        return basis @ procrustes(basis.T @ products @ basis) @ basis.T + np.full((n, n), 1 / n)
    left, _, right = np.linalg.svd(products)
    return np.asarray(left @ right)


def across_ones(n: int) -> np.ndarray:
    """Return an orthonormal basis, (n, n - 1), of the space across the vector of ones: Helmert's contrasts."""
    columns = np.triu(np.ones((n, n - 1)))
    columns[np.arange(1, n), np.arange(n - 1)] = -np.arange(1, n)
    return columns / np.linalg.norm(columns, axis=0)


@one_thread()
def random_orthogonal(n: int, rng: np.random.Generator, *, keeps_ones: bool = False) -> np.ndarray:
    """Return an orthogonal matrix, (n, n), that is drawn uniformly, of all or of those that leave the vector of ones."""
    if keeps_ones:
        basis = across_ones(n)
        return basis @ random_orthogonal(n - 1, rng) @ basis.T + np.full((n, n), 1 / n)
    factor, triangle = np.linalg.qr(rng.standard_normal((n, n)))
    return np.asarray(factor * np.sign(np.diag(triangle)))
