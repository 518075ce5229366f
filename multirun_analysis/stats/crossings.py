"""The width from which on a curve stays within a tolerance, interpolated between measured widths, or known only to lie beyond them."""

import math
from dataclasses import dataclass

import numpy as np

from multirun_analysis.stats.thresholds import at_most


@dataclass(frozen=True)
class Crossing:
    """A width, and where it lies: ``inside`` the measured ones, ``above`` (the widest is not enough) or ``below`` (the narrowest is)."""

    width: float
    side: str


def width_within(widths: np.ndarray, values: np.ndarray, tolerance: float) -> Crossing:
    r"""Return the width from which on a curve is at most :math:`\tau` at every measured width.

    Between the last width m whose value v is above :math:`\tau` and the next one m', whose value is v', the curve is taken to be a power
    of width, a line on logarithmic axes,

    .. math:: \log w = \log m + \frac{\log v - \log \tau}{\log v - \log v'} (\log m' - \log m)

    A value that is not above 0 has no logarithm: the values are then interpolated as they are, :math:`(v - \tau) / (v - v')`.

    Parameters
    ----------
    widths : ndarray, shape (n,)
        In ascending order.
    values : ndarray, shape (n,)
        Without NaN.
    tolerance : float

    Returns
    -------
    Crossing
        Beyond the widest width if that is still above the tolerance, at or below the narrowest if none is above.

    References
    ----------
    Ours.
    """
    above = np.flatnonzero(~at_most(values, tolerance))
    if len(above) == 0:
        return Crossing(float(widths[0]), "below")
    last = int(above[-1])
    if last == len(widths) - 1:
        return Crossing(float(widths[-1]), "above")
    v, goal, after = float(values[last]), tolerance, float(values[last + 1])
    if goal > 0 and after > 0:
        v, goal, after = math.log(v), math.log(goal), math.log(after)
    share = min(1.0, max(0.0, (v - goal) / (v - after)))  # beyond them by rounding
    log_width = math.log(widths[last]) + share * (math.log(widths[last + 1]) - math.log(widths[last]))
    return Crossing(math.exp(log_width), "inside")
