r"""What theory says of matching costs: rates and lower bounds. Pure functions of numbers.

*Matching cost* is the mean over neurons of the squared matched distance, :math:`\tfrac1m \min_\pi \sum_i \|u_i - v_{\pi(i)}\|^2`,
as in ``layers.csv``; m is the width and d the dimension of the support of the weights. "Ours" marks what is not in the paper.
"""

import math

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

    For independent *uniform* weights of variances :math:`\lambda_j`, as ``pytorch`` and ``uniform`` draw them, what is proved is
    :math:`6 / (\pi e) = 0.70` times this: no uniform weight can be quantised better than a Gaussian one of that share of its variance, the
    power of its entropy. Well placed points do come below the bound of Gaussian ones; mean matching costs of samples are 1.5 times it and
    more in simulations.

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
    log_mass = math.log(width) + log_ball_volume(dimension) + math.log(density_bound) - math.log(determinant) / 2
    return dimension / (dimension + 2) * math.exp(-2 / dimension * log_mass)


def log_ball_volume(dimension: float) -> float:
    """Return the logarithm of the volume of the unit ball."""
    return dimension / 2 * math.log(math.pi) - math.lgamma(dimension / 2 + 1)


def _variances(spectrum: np.ndarray) -> np.ndarray:
    values = np.asarray(spectrum, dtype=np.float64)
    if values.ndim != 1 or not (values >= 0).all() or not values.any():
        raise InputError(f"`spectrum` must be variances, none negative and one above 0, got {spectrum!r}.")
    return values
