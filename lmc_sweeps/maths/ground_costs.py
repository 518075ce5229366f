"""Ground costs: what it costs to pair neuron i of A with neuron j of B, always a mean-squared distance in float64."""

import numpy as np

from lmc_sweeps.common.threads import one_thread

ROUNDING = 1e-14  # of the sum of two squares: a squared distance no larger than that is none (measured: below 1e-15)


@one_thread()
def squared_distances(rows_a: np.ndarray, rows_b: np.ndarray, metric: np.ndarray | None = None) -> np.ndarray:
    r"""Return the squared distance between every neuron of A and every neuron of B in a metric on their weights.

    .. math:: C_{ij} = \|u_i - v_j\|_S^2 = u_i^\top S u_i + v_j^\top S v_j - 2\, u_i^\top S v_j

    where :math:`u_i` and :math:`v_j` are rows of weights and S the metric. For full permutations the first two terms sum to a
    constant, so the optimum is the one of :math:`\max_\pi \sum_i u_i^\top S v_{\pi(i)}`.

    Parameters
    ----------
    rows_a : ndarray, shape (n_a, d)
    rows_b : ndarray, shape (n_b, d)
    metric : ndarray, shape (d, d), optional
        S, symmetric and positive semi-definite; the identity if not given.

    Returns
    -------
    ndarray, shape (n_a, n_b)
        float64, not negative.

    References
    ----------
    Ferbach et al. 2024: S = I is their naive weight matching, S the second moments of the previous layer's activations their
    covariance-weighted one.
    """
    rows_a, rows_b = np.asarray(rows_a, dtype=np.float64), np.asarray(rows_b, dtype=np.float64)
    weighted_a = rows_a if metric is None else rows_a @ metric  # (n_a, d) @ (d, d) -> (n_a, d)
    weighted_b = rows_b if metric is None else rows_b @ metric
    norms_a, norms_b = np.sum(weighted_a * rows_a, axis=1), np.sum(weighted_b * rows_b, axis=1)
    return distances_from_products(norms_a, norms_b, weighted_a @ rows_b.T)  # (n_a, d) @ (d, n_b) -> (n_a, n_b)


def activation_distances(moment_a: np.ndarray, moment_b: np.ndarray, cross: np.ndarray) -> np.ndarray:
    r"""Return the mean squared difference between the activation of every neuron of A and of every neuron of B.

    .. math:: C_{ij} = \mathbb{E}\,(h^A_i - h^B_j)^2 = M^A_{ii} + M^B_{jj} - 2\, M^{AB}_{ij}

    where M are second moments: centred ones (covariances) compare activations up to their means.

    Parameters
    ----------
    moment_a : ndarray, shape (n_a, n_a)
    moment_b : ndarray, shape (n_b, n_b)
    cross : ndarray, shape (n_a, n_b)

    Returns
    -------
    ndarray, shape (n_a, n_b)
        float64, not negative.

    References
    ----------
    Li et al. 2015; Ferbach et al. 2024, "activation matching" (which maximises :math:`\sum_i M^{AB}_{i,\pi(i)}`, the same optimum).
    """
    return distances_from_products(np.diag(moment_a), np.diag(moment_b), cross)


def distances_from_products(squares_a: np.ndarray, squares_b: np.ndarray, products: np.ndarray) -> np.ndarray:
    """Return |a|^2 + |b|^2 - 2 <a, b> of every pair; what rounding leaves of two equal neurons, 1e-17 or -1e-17, is 0.

    Parameters
    ----------
    squares_a : ndarray, shape (n_a,)
    squares_b : ndarray, shape (n_b,)
    products : ndarray, shape (n_a, n_b)
    """
    squares = squares_a[:, None] + squares_b[None, :]
    distances = squares - 2 * products
    return np.where(distances > ROUNDING * squares, distances, 0.0)
