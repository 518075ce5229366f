"""Slopes by least squares, without the package's own: what a measure of layers does as width grows."""

import numpy as np
import pandas as pd


def log_slope(layers: pd.DataFrame, measure: str = "matching_cost") -> float:
    """Return the slope of the log of a measure's mean over pairs against log width."""
    means = layers.groupby("width")[measure].mean()
    return float(np.polyfit(np.log(means.index), np.log(means), 1)[0])
