"""How many more pairs would sharpen an interval, and what those that there are can detect."""

import math

import numpy as np
from scipy.special import nctdtrinc, stdtrit

from multirun_analysis.stats.interval_choice import LEVEL
from multirun_analysis.stats.thresholds import at_most

MOST = 10**9  # no sweep has more
POWER = 0.8


def pairs_to_halve(n: int, level: float = LEVEL) -> int | None:
    r"""Return how many independent pairs, in place of n, would halve the width of Student's interval, the spread being what it is.

    The smallest n' with :math:`t_{n'-1} / \sqrt{n'} \le \tfrac12\, t_{n-1} / \sqrt n`: about 4n for many pairs, fewer for few, because the
    quantile of t falls too. None for fewer than two pairs, which have no interval to halve.
    """
    if n < 2:
        return None

    def half(k: int) -> float:
        return float(stdtrit(k - 1, (1 + level) / 2)) / math.sqrt(k)

    goal, low, high = half(n) / 2, n, MOST
    while low < high:  # half(k) falls with k
        middle = (low + high) // 2
        low, high = (low, middle) if at_most(half(middle), goal) else (middle + 1, high)
    return low


def smallest_detectable(n: np.ndarray, std: np.ndarray, level: float = LEVEL, power: float = POWER) -> np.ndarray:
    r"""Return the smallest true mean difference that n pairs tell from 0 with a given power, the spread being what was observed.

    .. math:: \delta = \lambda\, s / \sqrt n, \qquad P(T_{n-1}(\lambda) > t_{n-1,\,(1+\gamma)/2}) = 0.8

    with Student's t of noncentrality :math:`\lambda`. A true difference below it is likelier to be missed than four to one, so that
    "undecided" says little about it. It is a guide, for s is an estimate.

    Parameters
    ----------
    n : ndarray of int, shape (k,)
    std : ndarray, shape (k,)
        The standard deviation of the differences.
    level, power : float

    Returns
    -------
    ndarray, shape (k,)
        NaN for fewer than two pairs.
    """
    detectable = np.full(len(n), np.nan)
    for count in np.unique(n[n > 1]).tolist():
        noncentrality = float(nctdtrinc(count - 1, 1 - power, float(stdtrit(count - 1, (1 + level) / 2))))
        detectable[n == count] = noncentrality * std[n == count] / math.sqrt(count)
    return detectable
