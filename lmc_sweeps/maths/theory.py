r"""What theory says of matching costs and widths: rates, bounds, and certificates of the output gap. Pure functions of numbers.

*Matching cost* is the mean over neurons of the squared matched distance, :math:`\tfrac1m \min_\pi \sum_i \|u_i - v_{\pi(i)}\|^2`,
as in ``layers.csv``; m is the width and d the dimension of the support of the weights. "Ours" marks what is not in the paper.
"""

import math
from collections.abc import Sequence

import numpy as np

from lmc_sweeps.common.checks import InputError


def water_level(spectrum: np.ndarray, rate: float) -> float:
    r"""Return the level :math:`\theta` of reverse water-filling: the solution of :math:`R = \tfrac12 \sum_j \max(0, \ln \lambda_j/\theta)`.

    Parameters
    ----------
    spectrum : ndarray, shape (d,)
        Variances :math:`\lambda_j`, not negative, at least one above 0.
    rate : float
        R in nats, not negative.

    References
    ----------
    Cover and Thomas 2006, theorem 10.3.3.
    """
    values = np.sort(_variances(spectrum))[::-1]
    values = values[values > 0]
    if rate < 0:
        raise InputError(f"`rate` must not be negative, got {rate!r}.")
    logs = np.log(values)
    counts = np.arange(1, len(values) + 1)
    levels = (np.cumsum(logs) - 2 * rate) / counts  # ln theta, if the k largest variances were above it
    below = np.append(logs[1:], -np.inf)
    return float(np.exp(levels[np.argmax(levels >= below)]))


def rate_distortion_bound(spectrum: np.ndarray, width: int) -> float:
    r"""Return a lower bound on the expected matching cost of two samples of m Gaussian weights.

    .. math:: \mathbb E\,\text{cost} \ge D_S(\ln m) = \sum_j \min(\theta, \lambda_j), \qquad
              \ln m = \tfrac12 \sum_j \max(0, \ln \lambda_j / \theta)

    where :math:`\lambda_j` are the eigenvalues of the covariance S of the weights, in the metric of the cost. For
    :math:`S = I_d` it is :math:`d\, m^{-2/d}`.

    References
    ----------
    Ours: by Jensen's inequality the cost is at least that of quantising the law by m points, which Shannon's bound limits.
    """
    return float(np.minimum(water_level(spectrum, math.log(width)), _variances(spectrum)).sum())


def effective_dimension(spectrum: np.ndarray, width: int) -> float:
    r"""Return the dimension of the isotropic law whose bound falls with the same local slope at a width of m.

    .. math:: \frac{\mathrm d \ln D_S(\ln m)}{\mathrm d \ln m} = -\frac{2}{d_\text{eff}(m)}, \qquad
              d_\text{eff}(m) = D_S(\ln m) / \theta(m) = \#\{\lambda_j > \theta\} + \sum_{\lambda_j \le \theta} \lambda_j / \theta

    It is d for :math:`S = I_d`, and tr S over the largest variance at m = 1. The local slope :math:`-2 / d_\text{eff}` is a guide:
    measured slopes are 1.3 to 1.7 times steeper for 20 dimensions and for spectra that fall as powers.

    References
    ----------
    Ours.
    """
    return rate_distortion_bound(spectrum, width) / water_level(spectrum, math.log(width))


def expected_slope(dimension: float) -> float:
    r"""Return the slope of log matching cost against log width for d-dimensional weights with a density.

    :math:`-2/d` for :math:`d \ge 2`; for d = 1 it is -1, not -2. At d = 1 and 2 logarithms flatten what is measured (-0.95 and -0.78 for
    Gaussian weights between 64 and 1,024 neurons).

    References
    ----------
    Ledoux and Zhu 2021 (d of at least 3), Talagrand 2018 (d = 2), Bobkov and Ledoux 2019 (d = 1).
    """
    if not dimension > 0:
        raise InputError(f"`dimension` must be above 0, got {dimension!r}.")
    return -2 / max(dimension, 2.0)


def fournier_guillin_rate(n: int, dimension: int, p: float = 2.0, moment: float = math.inf) -> float:
    r"""Return the rate, without its constant, of :math:`\mathbb E\, W_p^p(\hat\mu_n, \mu)` for laws with a finite moment of order q > p.

    .. math:: n^{-1/2} \;(p > d/2), \quad n^{-1/2} \ln(1 + n) \;(p = d/2), \quad n^{-p/d} \;(p < d/2), \quad \text{plus } n^{-(q-p)/q}

    An upper bound: Gaussian weights of fewer than 4 dimensions do better.

    References
    ----------
    Fournier and Guillin 2014, theorem 1.
    """
    if not moment > p:
        raise InputError(f"`moment` must be above p = {p:g}, got {moment!r}.")
    tail = n ** (-(moment - p) / moment) if math.isfinite(moment) else 0.0
    if p > dimension / 2:
        return float(n**-0.5 + tail)
    if p == dimension / 2:
        return float(n**-0.5 * math.log1p(n) + tail)
    return float(n ** (-p / dimension) + tail)


def nearest_neighbour_bound(width: int, dimension: int, density_bound: float, determinant: float = 1.0) -> float:
    r"""Return a lower bound on the expected matching cost for weights with a bounded density.

    .. math:: \mathbb E\,\text{cost} \ge \frac{d}{d + 2} \left(m V_d F_1 / \sqrt{\det \Sigma}\right)^{-2/d}, \qquad
              V_d = \pi^{d/2} / \Gamma(d/2 + 1)

    where :math:`F_1` bounds the density of the weights and :math:`\Sigma` is the metric of the cost: no neuron is nearer than its nearest
    neighbour. For :math:`\mathcal N(0, I_d)`, :math:`F_1 = (2\pi)^{-d/2}`.

    References
    ----------
    Ours, a form with constants of the lower bound of Ferbach et al. 2024, theorem 5.3.
    """
    log_mass = math.log(width) + _log_ball(dimension) + math.log(density_bound) - math.log(determinant) / 2
    return dimension / (dimension + 2) * math.exp(-2 / dimension * log_mass)


def widths_sufficient(tolerance: float, n_inputs: int, depth: int, constant: float = 1.0) -> list[float]:
    r"""Return the order of magnitude of the effective widths that suffice for a tolerance, layer by layer.

    .. math:: \tilde m_0 = m_0, \qquad \tilde m_l = (T / \varepsilon)^{\tilde m_{l-1}}

    A tower of powers: infinite, as a float, from the second or third layer on. Independent Gaussian weights, as at initialisation.

    Parameters
    ----------
    tolerance : float
        :math:`\varepsilon`, the root mean square of the error of matching.
    n_inputs, depth : int
    constant : float
        T, which the paper leaves open: it collects Lipschitz and moment constants and the split of the error over layers.

    References
    ----------
    Ferbach et al. 2024, theorem 5.2, up to logarithms; the constant is not theirs.
    """
    widths: list[float] = []
    before = float(n_inputs)
    for _ in range(depth):
        before = _power(constant / tolerance, before)
        widths.append(before)
    return widths


def tolerance_reached(width: int, n_inputs: int, layer: int, constant: float = 1.0) -> float:
    r"""Return the tolerance for which `widths_sufficient` asks a layer for just this width: what the recursion promises of it.

    :math:`\varepsilon` with :math:`\tilde m_l(\varepsilon) = m`; at the first layer :math:`T m^{-1/m_0}`. An order of magnitude, as the
    recursion is.

    Parameters
    ----------
    width : int
        m, at least 2.
    n_inputs : int
    layer : int
        l, 1 for the first hidden layer.
    constant : float
        T.

    References
    ----------
    Ferbach et al. 2024, theorem 5.2, solved for the tolerance; the constant is not theirs.
    """
    from scipy.optimize import brentq  # SciPy's optimizers take 0.2 s to import

    if width < 2:
        raise InputError(f"`width` must be at least 2, got {width!r}.")

    def excess(log_inverse: float) -> float:  # of the logarithm of the width asked for; every layer's grows with 1 / tolerance
        log_width, exponent = 0.0, float(n_inputs)
        for _ in range(layer):
            log_width = exponent * log_inverse
            exponent = math.exp(min(log_width, 700.0))
        return log_width - math.log(width)

    return constant * math.exp(-brentq(excess, 0.0, math.log(width), xtol=1e-14))


def widths_necessary(tolerance: float, n_inputs: int, depth: int) -> list[float]:
    r"""Return the order of magnitude of the widths without which no matching reaches a tolerance, layer by layer.

    .. math:: m \ge \left(\tfrac{d}{d+2}\right)^{d/2} \varepsilon^{-d} \,/\, (V_d F_1), \qquad d = \text{the width below}

    `nearest_neighbour_bound` solved for m, for rows :math:`\mathcal N(0, I_d)/\sqrt d`.

    References
    ----------
    Ours, with the recursion of Ferbach et al. 2024, theorem 5.3.
    """
    widths: list[float] = []
    before = float(n_inputs)
    for _ in range(depth):
        if math.isfinite(before):
            density = before / 2 * math.log(before / (2 * math.pi))  # ln F_1 at variance 1/d
            log_width = before / 2 * math.log(before / (before + 2)) - before * math.log(tolerance) - _log_ball(before) - density
            before = max(1.0, math.exp(log_width)) if log_width < 700 else math.inf
        widths.append(before)
    return widths


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
    found, distance = [], 0.0
    for norm, gap in zip(norms, gaps, strict=True):
        distance = norm * distance + t * gap
        found.append(distance)
    return found


def _variances(spectrum: np.ndarray) -> np.ndarray:
    values = np.asarray(spectrum, dtype=np.float64)
    if values.ndim != 1 or not (values >= 0).all() or not values.any():
        raise InputError(f"`spectrum` must be variances, none negative and one above 0, got {spectrum!r}.")
    return values


def _log_ball(dimension: float) -> float:
    """Return the logarithm of the volume of the unit ball."""
    return dimension / 2 * math.log(math.pi) - math.lgamma(dimension / 2 + 1)


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf
