r"""Certificates: proved upper bounds on the output gap, how far a network on the line is from the mixture of A's and B's outputs.

"Ours" marks what is not in the paper.
"""

import math
from collections.abc import Sequence

import numpy as np

from lmc_sweeps.common.threads import one_thread


def two_layer_certificate(distances: np.ndarray, lipschitz: float | np.ndarray, t: float = 0.5) -> float:
    r"""Return a bound on the output gap of :math:`f = \tfrac1N \sum_i \sigma_*(x; \theta_i)` at a point of the line.

    .. math:: |f_{\theta_t} - (1-t) f_A - t f_B| \le 2 t (1-t)\, K\, \tfrac1N \sum_i \|\theta^A_i - \theta^{\tilde B}_i\|

    Parameters
    ----------
    distances : ndarray, shape (N,)
        Distances of matched neurons.
    lipschitz : float or ndarray, shape (N,)
        K, of :math:`\sigma_*(x; \cdot)`; of every neuron, on its segment, if they differ.

    References
    ----------
    Ours: the deterministic core of Ferbach et al. 2024, theorem 3.1. With :math:`K_i` root mean squares over x of Lipschitz constants,
    it bounds the root mean square of the gap (Minkowski).
    """
    return float(2 * t * (1 - t) * np.mean(lipschitz * distances))


def two_layer_curvature_certificate(
    outgoing: np.ndarray, largest: np.ndarray, apart: np.ndarray, apart_squared: np.ndarray, curvature: float, t: float = 0.5
) -> float:
    r"""Return a bound on the output gap of :math:`f = \tfrac1N \sum_i a_i\, \sigma(z_i(x))` at a point of the line, of second order.

    .. math:: \left(\mathbb E\, \|f_{\theta_t} - (1-t) f_A - t f_B\|^2\right)^{1/2} \le
              \frac{t (1-t)}{2} \cdot \tfrac1N \sum_i \left(2 \|\delta a_i\| (\mathbb E\, \delta z_i^2)^{1/2}
              + C\, \alpha_i\, (\mathbb E\, \delta z_i^4)^{1/2}\right)

    for activations with :math:`|\sigma'| \le 1` and :math:`|\sigma''| \le C`; :math:`\delta` are differences of matched neurons, A's and
    B's. It falls as the matching cost falls, where `two_layer_certificate` falls as its root.

    Parameters
    ----------
    outgoing : ndarray, shape (N,)
        :math:`\|\delta a_i\|`.
    largest : ndarray, shape (N,)
        :math:`\alpha_i`, the larger of :math:`\|a_i^A\|` and :math:`\|a_i^B\|`.
    apart, apart_squared : ndarray, shape (N,)
        Root mean squares over the data of :math:`\delta z_i` and of :math:`\delta z_i^2`.
    curvature : float
        C; :math:`4 / (3 \sqrt 3)` for tanh.

    References
    ----------
    Ours: the error of a chord is at most :math:`t(1-t)/2` times the largest second derivative along it.
    """
    return float(t * (1 - t) / 2 * np.mean(2 * outgoing * apart + curvature * largest * apart_squared))


def layerwise_certificate(norms: Sequence[float], gaps: Sequence[float], t: float) -> list[float]:
    r"""Return bounds on the distance between the activations at a point of the line and A's, layer by layer.

    .. math:: d_0 = 0, \qquad d_l = \|W^l\|_\text{op}\, d_{l-1} + t\, g_l

    for activations that are 1-Lipschitz, with :math:`g_l` the root mean square, over the data, of
    :math:`(W^l_{\tilde B} - W^l_A)\, h^{l-1} + b^l_{\tilde B} - b^l_A`, where W and h are A's and the line's in either order.

    References
    ----------
    Ours, after Ferbach et al. 2024, lemma 4.1.
    """
    bounds, distance = [], 0.0
    for norm, gap in zip(norms, gaps, strict=True):
        distance = norm * distance + t * gap
        bounds.append(distance)
    return bounds


@one_thread()
def operator_norm(matrix: np.ndarray) -> float:
    r"""Return the largest singular value of a matrix, :math:`\|W\|_\text{op}`, by the smaller of its two products with itself."""
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    return math.sqrt(max(0.0, float(np.linalg.eigvalsh(small)[-1])))
