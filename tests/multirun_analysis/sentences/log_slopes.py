"""Slopes and intervals on the log scale by formulas of their own, not the package's: means over pairs, and what they do as width grows."""

import numpy as np
import pandas as pd
from scipy import stats


def log_slope(layers: pd.DataFrame, measure: str = "matching_cost") -> float:
    """Return the slope of the log of a measure's mean over pairs against log width."""
    means = layers.groupby("width")[measure].mean()
    return float(np.polyfit(np.log(means.index), np.log(means), 1)[0])


def squared_cv(values: np.ndarray) -> float:
    """Return the square of the coefficient of variation, widened by the logs, within limits, where all values are above 0."""
    plain = values.var(ddof=1) / values.mean() ** 2
    by_logs = np.expm1(np.log(values).var(ddof=1)) if (values > 0).all() else np.inf
    return float(max(plain, min(by_logs, (1 + plain) ** 1.5 - 1)))


def log_interval(values: pd.Series) -> list[float]:
    """Return the mean of values above 0 and the ends of its 95 % interval, as many times above it as below."""
    factor = np.exp(stats.t.ppf(0.975, len(values) - 1) * np.sqrt(squared_cv(values.to_numpy()) / len(values)))
    return [values.mean(), values.mean() / factor, values.mean() * factor]


def pooled_slope(values: pd.DataFrame) -> list[float]:
    """Return the slope of log mean against log width with its 95 % interval, of as many seeds (rows) at every width (columns)."""
    n_seeds, n_widths = values.shape
    x = np.log(values.columns.to_numpy(dtype=float))
    coefficients = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    slope = float(coefficients @ np.log(values.mean()))
    variance = np.mean([squared_cv(values[width].to_numpy()) for width in values]) * (coefficients**2).sum() / n_seeds
    half = float(stats.t.ppf(0.975, n_widths * (n_seeds - 1)) * np.sqrt(variance))
    return [slope, slope - half, slope + half]


def lack_of_fit(values: pd.DataFrame) -> float:
    """Return the probability of means as far from a straight line as these, if they lie on one, of as many seeds at every width."""
    n_seeds, n_widths = values.shape
    x, y = np.log(values.columns.to_numpy(dtype=float)), np.log(values.mean().to_numpy())
    squares = n_seeds * ((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2).sum()
    spread = np.mean([squared_cv(values[width].to_numpy()) for width in values])
    return float(stats.f.sf(squares / (n_widths - 2) / spread, n_widths - 2, n_widths * (n_seeds - 1)))
