"""Intervals for a mean, and the sentence that names their kind."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit  # the quantile of Student's t; scipy.stats takes a second to import

LEVEL = 0.95


def student_t(values: Sequence[float] | np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    r"""Return Student's interval for the mean of independent values.

    .. math:: \bar x \pm t_{n-1,\,(1+\gamma)/2} \; s / \sqrt n

    where s is the standard deviation with n - 1 degrees of freedom and :math:`\gamma` the level.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        Independent: pairs that share no network.
    level : float
        Between 0 and 1.

    Returns
    -------
    low, high : float
        NaN for fewer than two values: one value has no interval.
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    half = float(stdtrit(n - 1, (1 + level) / 2)) * float(values.std(ddof=1)) / math.sqrt(n)
    return float(values.mean()) - half, float(values.mean()) + half
