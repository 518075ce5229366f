"""The share of pairs that are connected, with the interval that small counts deserve."""

import numpy as np
from scipy.special import betaincinv

from multirun_analysis.stats.intervals import LEVEL


def clopper_pearson(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    r"""Return the exact interval for a probability of which k of n independent trials came out.

    .. math:: \left[ B^{-1}_{\alpha/2}(k, n - k + 1),\; B^{-1}_{1-\alpha/2}(k + 1, n - k) \right], \qquad \alpha = 1 - \gamma

    with B the beta distribution, 0 for k = 0 and 1 for k = n. It covers with at least the level :math:`\gamma` for every probability.

    Parameters
    ----------
    successes, n : int
    level : float

    Returns
    -------
    low, high : float
        NaN for no trial.

    References
    ----------
    Clopper and Pearson 1934.
    """
    if n == 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1 - tail)) if successes < n else 1.0
    return low, high


def is_connected(barriers: np.ndarray, tolerance: float) -> np.ndarray:
    r"""Return for every pair whether its barrier is at most :math:`\tau`: linearly connected at that tolerance."""
    return np.asarray(barriers, dtype=np.float64) <= tolerance
