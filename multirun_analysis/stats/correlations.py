"""Does one measure go with another? Rank correlations, once across the methods of a setting and once across the settings of a method."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.stats.intervals import student_t

DIMENSIONS = ("approximate_dimension", "approximate_dimension_centred", "effective_dimension")
FEWEST = 3  # points that a correlation needs


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    r"""Return Spearman's correlation of two measures, shapes (n,); NaN for fewer than three points, or where one measure is constant.

    .. math:: r = \operatorname{corr}(\operatorname{rank} x, \operatorname{rank} y)

    with mean ranks for ties.
    """
    ranks = pd.DataFrame({"x": x, "y": y}).dropna().rank()
    if len(ranks) < FEWEST or (ranks.std() == 0).any():
        return float("nan")
    return float(np.corrcoef(ranks["x"], ranks["y"])[0, 1])


def correlation_within(frame: pd.DataFrame, x: str, y: str, within: Sequence[str], seed: str = "seed") -> dict[str, float]:
    """Return the mean rank correlation of two measures within the cells of a frame, with Student's interval over seeds.

    Parameters
    ----------
    frame : DataFrame
        One row per point.
    x, y : str
    within : sequence of str
        The columns that are held fixed; every seed has its own cells, and its correlation is the mean over them.
    seed : str
        The column of independent repetitions.

    Returns
    -------
    dict
        ``correlation``, ``ci_low``, ``ci_high``, ``n_seeds``, ``n_cells``. The interval is NaN with fewer than two seeds.
    """
    cells = [
        (key[0], rank_correlation(cell[x].to_numpy(dtype=float), cell[y].to_numpy(dtype=float)))
        for key, cell in frame.groupby([seed, *within], sort=True)
    ]
    frame = pd.DataFrame(cells, columns=["seed", "correlation"]).dropna()
    by_seed = frame.groupby("seed")["correlation"].mean().to_numpy()
    low, high = student_t(by_seed)
    mean = float(by_seed.mean()) if len(by_seed) else float("nan")
    return {"correlation": mean, "ci_low": low, "ci_high": high, "n_seeds": len(by_seed), "n_cells": len(frame)}


def dimension_points(runs: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the test split of all pairs and methods but identity, not repaired, with dimensions that are means over layers."""
    plain = (runs["status"] == "ok") & (runs["repair"] == schema.WITHOUT_REPAIR["repair"])
    test = runs[plain & (runs["split"] == "test") & (runs["matching"] != "identity")]
    pair = ["run_id", "network_a", "network_b", "matching"]
    means = layers[layers["status"] == "ok"].groupby(pair)[list(DIMENSIONS)].mean().reset_index()
    return test.merge(means, on=pair)
