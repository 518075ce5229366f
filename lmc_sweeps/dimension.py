"""Approximate dimension: how many directions a matrix of second moments uses."""

import numpy as np


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
