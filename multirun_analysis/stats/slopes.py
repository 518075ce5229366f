"""Slopes: how a measure falls with width, on logarithmic axes, with an interval that keeps the seeds together."""

import math
from dataclasses import dataclass

import numpy as np

from multirun_analysis.stats.intervals import LEVEL, student_t

RESAMPLES = 2000
FEWEST_WIDTHS = 3


@dataclass(frozen=True)
class Slope:
    """A slope, its interval, and the widths that it is taken over."""

    slope: float
    low: float
    high: float
    window: tuple[int, ...]


def log_slope(x: np.ndarray, y: np.ndarray) -> float:
    r"""Return the least-squares slope b of :math:`\log y = a + b \log x`, shapes (n,)."""
    log_x, log_y = np.log(x), np.log(y)
    centred = log_x - log_x.mean()
    return float(centred @ log_y / (centred @ centred))


def slope_over_widths(widths: np.ndarray, values: np.ndarray, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0) -> Slope:
    """Return the slope of the log of the mean over seeds against log width.

    The window is the widths at which the lower limit of Student's interval for the mean is above 0: where a barrier cannot be told from
    none, its logarithm says nothing. Zeros inside the window count in the mean as they are. The interval is the percentile bootstrap over
    seeds, each with its values at all widths (jobs of one seed are trained on one stream of random numbers).

    Parameters
    ----------
    widths : ndarray, shape (w,)
    values : ndarray, shape (seeds, w)
        NaN where a pair is missing.
    level, resamples, seed
        Of the interval.

    Returns
    -------
    Slope
        NaN with fewer than three widths in the window, or, for the interval, fewer than three seeds.

    References
    ----------
    Ours; percentile bootstrap of clusters: Cameron, Gelbach and Miller 2008.
    """
    lows = [student_t(column[~np.isnan(column)], level)[0] for column in values.T]
    inside = np.array([low > 0 for low in lows], dtype=bool)
    window = tuple(int(width) for width in widths[inside])
    if len(window) < FEWEST_WIDTHS:
        return Slope(math.nan, math.nan, math.nan, window)
    x, chosen = widths[inside].astype(float), values[:, inside]
    slope = log_slope(x, np.nanmean(chosen, axis=0))
    if len(values) < FEWEST_WIDTHS:
        return Slope(slope, math.nan, math.nan, window)
    rng = np.random.default_rng(seed)
    drawn = []
    for rows in rng.integers(len(values), size=(resamples, len(values))):
        sample = chosen[rows]
        counts = (~np.isnan(sample)).sum(axis=0)
        if (counts > 0).all():
            means = np.nansum(sample, axis=0) / counts
            if (means > 0).all():
                drawn.append(log_slope(x, means))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Slope(slope, float(low), float(high), window)
