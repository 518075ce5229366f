r"""What theory says of widths: the recursions over layers of the widths that suffice for a tolerance, and of those that are necessary.

Orders of magnitude. "Ours" marks what is not in the paper.
"""

import math

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.cost_bounds import log_ball_volume


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
            log_width = before / 2 * math.log(before / (before + 2)) - before * math.log(tolerance) - log_ball_volume(before) - density
            before = max(1.0, math.exp(log_width)) if log_width < 700 else math.inf
        widths.append(before)
    return widths


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf
