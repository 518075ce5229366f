"""Whether it matters which network is mapped: both directions of a pair beside each other, one row per cell, method, repair and metric."""

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.frames.tidy import as_keys, sortable
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.stats.summary import cells_of, summarise_all
from multirun_analysis.tables.barrier_vs_width import varying_columns
from multirun_analysis.tables.paired_differences import measured_metrics

ENDS = ["network_a", "network_b"]


def direction_differences(runs: pd.DataFrame, choice: IntervalChoice = DEFAULT) -> pd.DataFrame:
    r"""Return how far a measure is in one direction of a pair from what it is in the other.

    .. math:: d_p = \left| E_p(\text{B to A}) - E_p(\text{A to B}) \right|

    Which network of a pair is called A is arbitrary, so that the mean of signed differences says nothing: it is near 0 whatever the method.
    The mean of their sizes is 0, up to rounding, for a method that treats both networks alike.

    Parameters
    ----------
    runs : DataFrame
        As `load_runs` returns it, of a sweep with ``directions=both``. Diverged jobs do not count.
    choice : IntervalChoice

    Returns
    -------
    DataFrame
        The cell's keys, ``matching``, ``repair``, ``split``, ``metric``, ``width``, ``mean_lower`` and ``mean_higher``: the means over
        pairs of the lower and of the higher value of both directions, then the columns of `STATISTICS`, of the one minus the other; empty
        where no pair was measured in both.
    """
    varying = varying_columns(runs)
    order = [*schema.CELL, *varying, "matching", "repair", "split", "metric", "width"]
    columns = [*order, "mean_lower", "mean_higher", *schema.STATISTICS]
    measured = runs[runs["status"] == "ok"]
    measured = measured[_has_other_direction(measured)]
    if measured.empty:
        return pd.DataFrame(columns=columns)
    by, metrics = [key for key in order if key != "metric"], measured_metrics(measured)
    first, second = (measured[name].to_numpy() for name in ENDS)
    directed = measured.assign(network_a=np.minimum(first, second), network_b=np.maximum(first, second), direction=first > second)
    wide = directed.drop_duplicates([*by, *ENDS, "direction"]).set_index([*by, *ENDS, "direction"])[metrics].unstack("direction")
    one, other = (wide[[(metric, value) for metric in metrics]].to_numpy() for value in (False, True))
    pairs = wide.index.to_frame(index=False)
    lower, higher = (pd.DataFrame(extreme(one, other), columns=metrics) for extreme in (np.minimum, np.maximum))
    table = summarise_all(pd.concat([pairs, higher - lower], axis=1), by, metrics, choice)
    cells, _ = cells_of(pairs, by)
    for name, values in (("mean_lower", lower), ("mean_higher", higher)):
        table[name] = values.groupby(cells).mean().to_numpy().T.ravel()  # (cells, metrics): one metric below the other
    table = as_keys(table[table["n_pairs"] > 0], varying)
    return table[columns].sort_values(order, key=sortable, kind="stable", ignore_index=True)


def _has_other_direction(runs: pd.DataFrame) -> np.ndarray:
    """Return of every row whether its two networks are somewhere the other way round too."""
    codes = pd.factorize(pd.concat([runs[name] for name in ENDS]))[0].reshape(2, -1)
    n = codes.max(initial=-1) + 1
    return np.isin(codes[1] * n + codes[0], codes[0] * n + codes[1])
