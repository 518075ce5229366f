"""How well neurons match: cost, unmatched cost and lower bound, one row per cell, method, layer, measure and width."""

import pandas as pd

from multirun_analysis import schema
from multirun_analysis.frames.tidy import as_keys, sortable
from multirun_analysis.schema import STATISTICS
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.stats.summary import summarise_all
from multirun_analysis.tables.barrier_vs_width import varying_columns

MEASURES = ("matching_cost", "identity_cost", "cost_lower_bound")


def matching_costs(layers: pd.DataFrame, choice: IntervalChoice = DEFAULT) -> pd.DataFrame:
    """Return the statistics over pairs of the matching cost, of what it is without matching, and of its lower bound.

    Parameters
    ----------
    layers : DataFrame
        As `load_layers` returns it. Diverged jobs do not count.
    choice : IntervalChoice

    Returns
    -------
    DataFrame
        The cell's keys, ``matching``, ``layer``, ``measure``, ``width``, then the columns of `STATISTICS`.
        A measure that no pair of a cell has, has no row.
    """
    varying = varying_columns(layers)
    cell = [*schema.CELL, *varying, "matching", "layer"]
    statistics = summarise_all(layers[layers["status"] == "ok"], [*cell, "width"], MEASURES, choice).rename(columns={"metric": "measure"})
    table = as_keys(statistics[statistics["n_pairs"] > 0], varying)[[*cell, "measure", "width", *STATISTICS]]
    return table.sort_values([*cell, "measure", "width"], key=sortable, kind="stable", ignore_index=True)
