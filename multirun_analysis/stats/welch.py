"""The difference of the means of two independent samples, whose spreads need not be equal."""

import math

import numpy as np
from scipy.special import stdtrit

from multirun_analysis.stats.interval_choice import LEVEL


def welch(one: np.ndarray, other: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    r"""Return Welch's interval for the difference of the means of two independent samples.

    .. math:: \bar x_1 - \bar x_2 \pm t_\nu \sqrt{s_1^2 / n_1 + s_2^2 / n_2}

    where :math:`\nu` is Welch and Satterthwaite's number of degrees of freedom.

    Parameters
    ----------
    one, other : ndarray, shapes (n_1,) and (n_2,)
    level : float

    Returns
    -------
    tuple of float
        Both ends; NaN where a sample has fewer than two values, the difference itself where neither has a spread.

    References
    ----------
    Welch 1947, "The generalization of 'Student's' problem when several different population variances are involved".
    """
    if min(len(one), len(other)) < 2:
        return math.nan, math.nan
    parts = [values.var(ddof=1) / len(values) for values in (one, other)]
    difference, variance = one.mean() - other.mean(), sum(parts)
    if variance == 0:
        return difference, difference
    freedom = variance**2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, (one, other), strict=True))
    half = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance)
    return difference - half, difference + half
