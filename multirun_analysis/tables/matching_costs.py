"""How well neurons match: cost, unmatched cost and lower bound, one row per cell, method, layer, measure and width."""

import pandas as pd

from multirun_analysis.stats.summary import summarise
from multirun_analysis.tables.barrier_vs_width import varying_columns
from multirun_analysis.tidy import as_keys, sortable

COST, UNMATCHED, BOUND = "matching_cost", "identity_cost", "cost_lower_bound"


def matching_costs(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the statistics over pairs of the matching cost, of what it is without matching, and of its lower bound.

    Parameters
    ----------
    layers : DataFrame
        As `load_layers` returns it. Diverged jobs do not count.

    Returns
    -------
    DataFrame
        The cell's keys, ``matching``, ``layer``, ``measure``, ``width``, then n_pairs, n_networks, mean, std, ci_low, ci_high, interval,
        median, min, max. A measure that no pair of a cell has, has no row.
    """
    varying = varying_columns(layers)
    cell = ["dataset", "model", "depth", *varying, "matching", "layer"]
    measured = layers[layers["status"] == "ok"]
    long = measured.melt(id_vars=[*cell, "width", "network_a", "network_b"], value_vars=[COST, UNMATCHED, BOUND], var_name="measure")
    table = as_keys(summarise(long[long["value"].notna()], [*cell, "measure", "width"], "value"), varying)
    return table.sort_values([*cell, "measure", "width"], key=sortable, kind="stable", ignore_index=True)
