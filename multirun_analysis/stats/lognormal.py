"""Intervals that take values for lognormal: Cox's for the mean, Student's on logs for the geometric mean."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from multirun_analysis.stats.interval_choice import LEVEL
from multirun_analysis.stats.intervals import student_t


def cox_t(values: Sequence[float] | np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    r"""Return Cox's interval for the mean of lognormal values, with the quantile of Student's t.

    .. math:: \exp\!\left(\bar y + \tfrac12 s^2 \pm t_{n-1,\,(1+\gamma)/2} \sqrt{\tfrac{s^2}n + \tfrac{s^4}{2 (n - 1)}}\right),
              \qquad y = \log x

    It holds the mean of lognormal values; where logs have a long tail towards 0, as those of Gaussian values have, it may lie wholly above
    the mean: `multirun_analysis.stats.positive.log_t` is what the tables have.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        Above 0 and independent.
    level : float

    Returns
    -------
    low, high : float
        NaN for fewer than two values, or where one is not above 0.

    References
    ----------
    Land 1972 (Cox's method); Olsson 2005 (the quantile of t).
    """
    logs = _logs(values)
    if len(logs) < 2:
        return math.nan, math.nan
    low, high = cox_logs(logs, float(stdtrit(len(logs) - 1, (1 + level) / 2)))
    with np.errstate(over="ignore"):
        return float(np.exp(low)), float(np.exp(high))


def cox_logs(logs: np.ndarray, quantile: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the logs of the ends of Cox's interval with a quantile, of logs along the last axis, two or more."""
    n, variance = logs.shape[-1], logs.var(axis=-1, ddof=1)
    centre, half = logs.mean(axis=-1) + variance / 2, quantile * np.sqrt(variance / n + variance**2 / (2 * (n - 1)))
    return centre - half, centre + half


def geometric_mean_t(values: Sequence[float] | np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    r"""Return Student's interval on logs, for the geometric mean: of lognormal values the median.

    .. math:: \exp\!\left(\bar y \pm t_{n-1,\,(1+\gamma)/2}\; s_y / \sqrt n\right), \qquad y = \log x

    Parameters
    ----------
    values : sequence of float, shape (n,)
        Above 0 and independent.
    level : float

    Returns
    -------
    low, high : float
        NaN for fewer than two values, or where one is not above 0.
    """
    low, high = student_t(_logs(values), level)
    with np.errstate(over="ignore"):
        return float(np.exp(low)), float(np.exp(high))


def _logs(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the logs of values, none if one of them has none."""
    values = np.asarray(values, dtype=np.float64)
    return np.log(values) if (values > 0).all() else np.empty(0)
