"""Spectra of neuron weights, and approximate dimension: how many directions a matrix of second moments uses."""

import numpy as np

from lmc_sweeps.common.threads import one_thread


def approximate_dimension(matrix: np.ndarray) -> float:
    r"""Return the approximate dimension (participation ratio) of a positive semi-definite matrix.

    .. math:: \operatorname{Dim}(S) = \operatorname{tr}(S)^2 / \operatorname{tr}(S^2) = (\sum_i \lambda_i)^2 / \sum_i \lambda_i^2

    where :math:`\lambda_i` are the eigenvalues of S. It lies between 1 and the rank, and does not change with the scale of S. Traces
    are enough: :math:`\operatorname{tr}(S^2) = \|S\|_F^2` for a symmetric S.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Symmetric, positive semi-definite.

    Returns
    -------
    float
        NaN for the zero matrix, which has no direction.

    References
    ----------
    Ferbach et al. 2024, section 6 and their figure "Approximate dimension".
    """
    trace, square = float(np.trace(matrix)), float(np.sum(matrix * matrix))
    return trace**2 / square if square > 0 else float("nan")


@one_thread()
def spectrum_of_rows(rows: np.ndarray, metric: np.ndarray | None = None) -> np.ndarray:
    r"""Return the variances of a cloud of neurons along its principal directions, in a metric on their weights.

    .. math:: \lambda(S), \qquad S = M^{1/2} \left(\tfrac1m \sum_i (w_i - \bar w)(w_i - \bar w)^\top\right) M^{1/2}

    Parameters
    ----------
    rows : ndarray, shape (m, d)
        The weights :math:`w_i` of a neuron each.
    metric : ndarray, shape (d, d), optional
        M, symmetric and positive semi-definite; the identity if not given.

    Returns
    -------
    ndarray, shape (min(m, d),)
        Not negative, in ascending order; directions that are left out have no variance.
    """
    centred = rows - rows.mean(axis=0)
    m, d = centred.shape
    if metric is None:
        small = centred.T @ centred if d < m else centred @ centred.T
    elif d < m:
        values, vectors = np.linalg.eigh(metric)
        moved = centred @ (vectors * np.sqrt(np.maximum(values, 0.0)))  # (m, d) @ (d, d)
        small = moved.T @ moved
    else:
        small = centred @ metric @ centred.T
    return np.maximum(np.linalg.eigvalsh(small / m), 0.0)


@one_thread()
def spectrum_of_products(products: np.ndarray) -> np.ndarray:
    r"""Return the same of neurons of which only the products :math:`G_{ij} = \langle w_i, w_j \rangle` are known.

    .. math:: \lambda\left(\tfrac1m J G J\right), \qquad J = I - \tfrac1m \mathbb 1 \mathbb 1^\top

    Parameters
    ----------
    products : ndarray, shape (m, m)
        Symmetric, positive semi-definite.

    Returns
    -------
    ndarray, shape (m,)
    """
    means = products.mean(axis=0)
    centred = products - means[:, None] - means[None, :] + means.mean()
    return np.maximum(np.linalg.eigvalsh(centred / len(products)), 0.0)
