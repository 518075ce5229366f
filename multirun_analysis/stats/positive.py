r"""Intervals for the mean of what cannot be negative: on the log scale, with the rule for values that are exactly 0.

The rule, here and nowhere else, for the n values of a cell of such a measure, with mean m, standard deviation s and
:math:`h = t_{n-1,\,(1+\gamma)/2}\, s / \sqrt n`:

- three and more values, all above 0: :math:`m \exp(\pm t\, c / \sqrt n)` with the coefficient of variation c of `widened`;
- one of them exactly 0: :math:`[\max(0, m - h),\; m + h + h^2 / 2m]`. A barrier of 0 is a maximum over t that stays at an end, noise
  that was clipped: it has no logarithm, and the mean may be next to nothing, so that the lower end may be 0. The upper end is the
  beginning of :math:`m \exp(h / m)`: Student's own is too low;
- two values: :math:`[\max(0, m - h),\; m + h]`, for on the log scale the quantile of one degree of freedom, 12.7, would be an exponent;
- all 0: the point 0;
- a value below 0, which only rounding or another definition can bring: Student's interval, not cut.

Over pairs and test examples (`multirun_analysis.stats.shared_examples`) :math:`m \exp(\pm t\, c / \sqrt n)` has the examples' part of the
variance too, divided by :math:`m^2`, and h that part as it is. Where the examples alone do not tell the mean from 0, by Student's interval
over them, a log says nothing: such a cell counts as one with a value that is exactly 0, but its upper end is no lower than over pairs.
"""

import math
from collections.abc import Sequence

import numpy as np

from multirun_analysis.stats.interval_choice import LEVEL
from multirun_analysis.stats.intervals import jackknife_variance, job_means
from multirun_analysis.stats.shared_examples import SharedExamples, half_width

FEWEST_ON_LOGS = 3
MOST_WIDENED = 1.5  # the power of 1 + CV^2 up to which logs widen it
LARGEST_EXPONENT = 700.0  # of a float
SIGNED, LOGS, CUT = 0, 1, 2  # the kinds of interval that the rule gives


def widened(squared_cv: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    r"""Return the square of a coefficient of variation, no less than the sample's own, widened by the spread of the logs.

    .. math:: c^2 = \max\!\left(\mathrm{CV}^2,\; \min\!\left(e^{s_{\log}^2} - 1,\; (1 + \mathrm{CV}^2)^{3/2} - 1\right)\right)

    Few values of a skewed law seldom have its long tail among them, and their own CV = s / m is then too small. Of lognormal values
    :math:`e^{\sigma^2} - 1` is the true square, and logs find :math:`\sigma` sooner; but a single value next to 0 makes the variance of
    logs as large as one likes, which says nothing about the mean: hence the upper limit, 3/2 times the :math:`\sigma^2` that CV implies.

    Parameters
    ----------
    squared_cv, log_variance : ndarray of one shape
        The second is infinite where a value is 0.

    Returns
    -------
    ndarray

    References
    ----------
    Ours. The delta method for a log: Cox's interval for the mean of a lognormal (Land 1972; Zhou and Gao 1997; Olsson 2005) has the first
    two terms of :math:`e^{\sigma^2} - 1`, and no limit.
    """
    implied = np.expm1(np.minimum(log_variance, LARGEST_EXPONENT))
    with np.errstate(over="ignore"):
        return np.asarray(np.maximum(squared_cv, np.minimum(implied, (1 + squared_cv) ** MOST_WIDENED - 1)))


def log_t(values: Sequence[float] | np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    r"""Return the interval for the mean of independent values of a measure that cannot be negative, by the rule of this module.

    .. math:: \bar x \, \exp(\pm t_{n-1,\,(1+\gamma)/2}\; c / \sqrt n)

    Parameters
    ----------
    values : sequence of float, shape (n,)
    level : float

    Returns
    -------
    low, high : float
        NaN for fewer than two values.

    References
    ----------
    Ours. Measured coverage of 95 % with 4 and 10 values: lognormal with log sd 0.5: 94.6, 95.2; 0.8: 93.5, 94.1; 1.2: 90.9, 91.6; Gaussian
    with CV 0.2: 95.2, 95.7; 0.3: 95.3, 96.1 (Student's at 0.8: 86.6, 88.1). Cox's method with the quantile of t covers 93.9 and 94.6 at
    0.8, at nearly three times the mean width with 4 values, and of values whose logs have a long tail towards 0 its ends are astronomical;
    the generalised interval (Krishnamoorthy and Mathew 2003) is wider still: ``benchmarks/results/coverage.csv``.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return math.nan, math.nan
    low, high, _ = log_t_of_rows(values[None], level)
    return float(low[0]), float(high[0])


def log_t_of_rows(
    table: np.ndarray, level: float = LEVEL, examples: SharedExamples | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lower and upper ends of `log_t` of every row of a table, shape (cells, n) with n >= 2, and the kind that each has.

    With `examples` they are over pairs and test examples.
    """
    n = table.shape[1]
    with np.errstate(invalid="ignore", over="ignore"):  # of infinite values
        mean = table.sum(axis=1) / n
        variance = ((table - mean[:, None]) ** 2).sum(axis=1) / (n - 1)
        return by_the_rule(mean, np.sqrt(variance / n), _log_variance(table), table.min(axis=1), n, n - 1, level, examples=examples)


def by_the_rule(
    mean: np.ndarray,
    error: np.ndarray,
    log_variance: np.ndarray,
    least: np.ndarray,
    n: int,
    freedom: float,
    level: float,
    share: float = 1.0,
    examples: SharedExamples | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ends of intervals and their kinds, by the rule of this module.

    Parameters
    ----------
    mean, error, log_variance, least : ndarray, shape (cells,)
        The mean, its standard error, the variance of the logs of what is replicated (infinite where a value is not above 0), and the
        least value.
    n : int
        What is replicated.
    freedom : float
        Degrees of freedom.
    level : float
    share : float
        The square of a replicate's CV is `share` n times that of the mean.
    examples : SharedExamples, optional
        What test examples add to the variance of the mean; to that of its log by the delta method.
    """
    half = half_width(error, freedom, level, examples)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        relative = error / mean
        squared_cv = share * n * relative**2
        # relative to the mean's own error: what is replicated may weigh unequally
        log_error = np.where(squared_cv > 0, relative * np.sqrt(widened(squared_cv, log_variance) / squared_cv), 0.0)
        exponent = half_width(log_error, freedom, level, None if examples is None else examples.relative_to(mean))
        raised = half**2 / (2 * mean) if n >= FEWEST_ON_LOGS else np.zeros_like(half)
        on_logs, is_signed = (least > 0) & (n >= FEWEST_ON_LOGS), ~(least >= 0)
        untold = np.zeros_like(on_logs) if examples is None else on_logs & ~(examples.alone(level) < mean)
        on_logs &= ~untold
        low = np.where(on_logs, mean * np.exp(-exponent), np.maximum(mean - half, 0.0))
        high = np.where(on_logs, mean * np.exp(exponent), mean + half + np.where(mean > 0, raised, 0.0))
        high = np.where(untold, np.maximum(high, mean * np.exp(half_width(log_error, freedom, level))), high)  # no lower than over pairs
        low, high = np.where(is_signed, mean - half, low), np.where(is_signed, mean + half, high)
    low, high = (np.where(np.isfinite(mean), end, np.nan) for end in (low, high))
    return low, high, np.where(is_signed, SIGNED, np.where(on_logs, LOGS, CUT))


def log_jackknife(
    values: Sequence[float] | np.ndarray,
    network_a: Sequence[str] | np.ndarray,
    network_b: Sequence[str] | np.ndarray,
    level: float = LEVEL,
    examples: SharedExamples | None = None,
) -> tuple[float, float, int]:
    r"""Return the jackknife interval over networks for the mean over pairs of what cannot be negative, and its kind, by the rule above.

    .. math:: \bar x \, \exp(\pm t_\nu\, 2 c / \sqrt K), \qquad \mathrm{CV}^2 = \tfrac K4\, v / \bar x^2, \qquad
              s_{\log}^2 = \tfrac K4\, v_{\log}

    with K networks, the jackknife's variance v of the mean (`network_jackknife`), that of the mean of the logs, and c of `widened`: a mean
    over pairs has the effect of each network twice, and effects that multiply are sums on the log scale.

    Parameters
    ----------
    values, network_a, network_b : sequence, shape (pairs,)
    level : float
    examples : SharedExamples, optional
        Of one cell: what test examples add (`multirun_analysis.stats.shared_examples`).

    Returns
    -------
    low, high : float
        NaN where `network_jackknife` is.
    kind : int

    References
    ----------
    Ours. Measured coverage of 95 % with 4, 8 and 16 networks, effects of log sd 0.57 and half as much noise of the pairs: 93.9, 94.1, 94.1
    (`network_jackknife`: 86.4, 86.3, 88.4); ``benchmarks/results/coverage.csv``.
    """
    values = np.asarray(values, dtype=np.float64)
    variance, freedom = jackknife_variance(values, network_a, network_b)
    if math.isnan(variance):
        return math.nan, math.nan, SIGNED
    k = len(np.unique(np.concatenate([np.asarray(network_a), np.asarray(network_b)])))
    positive = bool((values > 0).all())
    log_variance = k / 4 * jackknife_variance(np.log(values), network_a, network_b)[0] if positive else math.inf
    return _one(values, math.sqrt(variance), log_variance, k, freedom, level, share=1 / 4, examples=examples)


def log_job_means(
    values: Sequence[float] | np.ndarray,
    network_a: Sequence[str] | np.ndarray,
    network_b: Sequence[str] | np.ndarray,
    level: float = LEVEL,
    examples: SharedExamples | None = None,
) -> tuple[float, float, int]:
    """Return the interval over the means of jobs (`job_means_t`) of what cannot be negative, by the rule above, and its kind."""
    values = np.asarray(values, dtype=np.float64)
    means, error = job_means(values, network_a, network_b)
    j = len(means)
    if j < 2:
        return math.nan, math.nan, SIGNED
    log_variance = float(_log_variance(means[None])[0]) if (values > 0).all() else math.inf
    return _one(values, error, log_variance, j, j - 1, level, examples=examples)


def _one(
    values: np.ndarray,
    error: float,
    log_variance: float,
    n: int,
    freedom: float,
    level: float,
    share: float = 1.0,
    examples: SharedExamples | None = None,
) -> tuple[float, float, int]:
    ends = by_the_rule(
        np.array([values.mean()]), np.array([error]), np.array([log_variance]), np.array([values.min()]), n, freedom, level, share, examples
    )
    low, high, kind = (end[0] for end in ends)
    return float(low), float(high), int(kind)


def _log_variance(table: np.ndarray) -> np.ndarray:
    """Return the variance of the logs of every row, infinite where a value is not above 0."""
    positive = np.asarray((table > 0).all(axis=1))
    logs = np.log(np.where(positive[:, None], table, 1.0))
    n = table.shape[1]
    deviations = logs - (logs.sum(axis=1) / n)[:, None]
    return np.where(positive, (deviations**2).sum(axis=1) / (n - 1), np.inf)
