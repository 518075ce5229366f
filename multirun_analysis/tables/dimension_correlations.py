"""The paper's third claim as numbers: how the approximate dimension goes with the barrier."""

from collections.abc import Sequence

import pandas as pd

from multirun_analysis.stats.correlations import DIMENSIONS, correlation_within, dimension_points


def dimension_correlations(
    runs: pd.DataFrame, layers: pd.DataFrame, settings: Sequence[str], measure: str = "loss_midpoint"
) -> pd.DataFrame:
    """Return rank correlations of dimension and barrier across methods at fixed settings, and across settings for each method.

    A positive correlation is the paper's claim: the lower the dimension, the lower the barrier. It is two claims, and they come apart.

    Parameters
    ----------
    runs, layers : DataFrame
        As `load_runs` and `load_layers` return them.
    settings : sequence of str
        The varying keys that make a setting, e.g. ``["optimizer.lr"]``.
    measure : str
        Of ``runs.csv``, on the test split.

    Returns
    -------
    DataFrame
        ``across`` (methods or settings), ``matching`` (of settings), ``dimension`` (which one, a mean over the layers), ``measure``,
        ``correlation``, ``ci_low``, ``ci_high`` (Student's t over seeds), ``n_seeds``, ``n_cells``.
    """
    points = dimension_points(runs, layers)
    rows = []
    for dimension in DIMENSIONS:
        key = {"dimension": dimension, "measure": measure}
        rows.append({"across": "methods", "matching": "", **key, **correlation_within(points, dimension, measure, list(settings))})
        for method, cell in points.groupby("matching"):
            # nothing is held fixed but the seed and the width: the settings themselves vary
            held = ["width"] if "width" not in settings else []
            rows.append({"across": "settings", "matching": method, **key, **correlation_within(cell, dimension, measure, held)})
    return pd.DataFrame(rows)
