"""Intervals at 95 % for the mean of positive, skewed values that were candidates for the default, of every row of a table (rows, n)."""

import numpy as np
from scipy.special import chdtri, ndtr, stdtrit

from multirun_analysis.stats.lognormal import cox_logs

Ends = tuple[np.ndarray, np.ndarray]
POINTS, STEPS = 200, 40  # of the quadrature, and bisections of its quantiles
LARGEST_LOG = 700.0
TAIL = 0.975
NORMAL = 1.959963984540054  # the quantile of the normal law there


def cut_t(table: np.ndarray) -> Ends:
    """Return Student's interval, its lower end no less than 0."""
    mean, half = table.mean(axis=1), _half(table)
    return np.maximum(mean - half, 0.0), mean + half


def delta_t(table: np.ndarray) -> Ends:
    r"""Return the interval on the log scale with the own coefficient of variation: :math:`\bar x \exp(\pm t s / \bar x \sqrt n)`."""
    mean = table.mean(axis=1)
    exponent = _half(table) / mean
    return mean * np.exp(-exponent), mean * np.exp(exponent)


def cox(table: np.ndarray) -> Ends:
    """Return Cox's interval as it was proposed, with the normal law's quantile."""
    return _cox(table, NORMAL)


def cox_t(table: np.ndarray) -> Ends:
    """Return Cox's interval with the quantile of t (Olsson 2005), as `multirun_analysis.stats.lognormal.cox_t` has it."""
    return _cox(table, float(stdtrit(table.shape[1] - 1, TAIL)))


def generalised(table: np.ndarray) -> Ends:
    r"""Return the generalised interval for the mean of lognormal values, by quadrature over quantiles: no random number is drawn.

    .. math:: T = \bar y - \frac{Z}{\sqrt n} \frac{s}{\sqrt U} + \frac{s^2}{2 U}, \qquad Z \sim N(0, 1), \quad (n - 1) U \sim \chi^2_{n-1}

    whose quantiles are the logs of the ends.

    References
    ----------
    Krishnamoorthy and Mathew 2003.
    """
    logs = np.log(table)
    n, mean, std = table.shape[1], logs.mean(axis=1), logs.std(axis=1, ddof=1)
    spread = std[:, None] / np.sqrt(chdtri(n - 1, 1 - (np.arange(POINTS) + 0.5) / POINTS) / (n - 1))  # (rows, points)

    def end(p: float) -> np.ndarray:
        low, high = np.full(len(table), -LARGEST_LOG), np.full(len(table), 1e5)
        for _ in range(STEPS):
            middle = (low + high) / 2
            below = ndtr((middle[:, None] - spread**2 / 2) * np.sqrt(n) / spread).mean(axis=1) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.asarray(np.exp(np.minimum(mean + low, LARGEST_LOG)))

    return end(1 - TAIL), end(TAIL)


def _half(table: np.ndarray) -> np.ndarray:
    n = table.shape[1]
    return np.asarray(float(stdtrit(n - 1, TAIL)) * table.std(axis=1, ddof=1) / np.sqrt(n))


def _cox(table: np.ndarray, quantile: float) -> Ends:
    low, high = (np.minimum(end, LARGEST_LOG) for end in cox_logs(np.log(table), quantile))
    return np.exp(low), np.exp(high)
