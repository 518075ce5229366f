"""The share of pairs that are connected, with the interval that small counts deserve."""

from typing import Any

import numpy as np
from scipy.special import betaincinv

from multirun_analysis.stats.interval_choice import LEVEL
from multirun_analysis.stats.thresholds import at_most

Counts = int | np.ndarray


def clopper_pearson(successes: Counts, n: Counts, level: float = LEVEL) -> tuple[Any, Any]:
    r"""Return the exact interval for a probability of which k of n independent trials came out.

    .. math:: \left[ B^{-1}_{\alpha/2}(k, n - k + 1),\; B^{-1}_{1-\alpha/2}(k + 1, n - k) \right], \qquad \alpha = 1 - \gamma

    with B the beta distribution, 0 for k = 0 and 1 for k = n. It covers with at least the level :math:`\gamma` for every probability.

    Parameters
    ----------
    successes, n : int, or ndarray of int of one shape
    level : float

    Returns
    -------
    low, high : float, or ndarray of that shape
        NaN for no trial.

    References
    ----------
    Clopper and Pearson 1934.
    """
    k, n = np.asarray(successes), np.asarray(n)
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):  # at the ends, which are not computed
        low = np.where(k > 0, betaincinv(np.maximum(k, 1), n - k + 1, tail), 0.0)
        high = np.where(k < n, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail), 1.0)
    low, high = np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)
    return (low, high) if low.ndim else (float(low), float(high))


def is_connected(barriers: np.ndarray, tolerance: float) -> np.ndarray:
    r"""Return for every pair whether its barrier is at most :math:`\tau`: linearly connected at that tolerance."""
    return at_most(np.asarray(barriers, dtype=np.float64), tolerance)
