"""The barrier-versus-width table: one row per cell, method, repair, split, metric and width."""

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.frames.tidy import as_keys, sortable
from multirun_analysis.stats.endpoints import MEASURES, endpoints
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.stats.summary import ENDPOINTS, cells_of, summarise_all, summarise_networks
from multirun_analysis.stats.two_way import HIGH, LOW, two_way_all
from multirun_analysis.stats.two_way import KIND as TWO_WAY_KIND

OF_PAIRS = tuple(f"{measure}_{name}" for measure in MEASURES for name in ("barrier", "barrier_mean", "midpoint", "midpoint_barrier"))
CONTROLS = ("barrier_over_loss", "loss_barrier_calibrated", "temperature_midpoint", "loss_ensemble", "error_ensemble")  # where measured
METRICS = (*OF_PAIRS, *ENDPOINTS)


def barrier_vs_width(
    runs: pd.DataFrame, expected: pd.DataFrame | None = None, choice: IntervalChoice = DEFAULT, blocks: pd.Series | None = None
) -> pd.DataFrame:
    """Return the statistics of every metric over the pairs of each cell, of the end points over its networks, each once.

    Parameters
    ----------
    runs : DataFrame
        As `load_runs` returns it. Diverged jobs do not count in the statistics.
    expected : DataFrame, optional
        As `load_expected` returns it; without it, the pairs in `runs` are those expected.
    choice : IntervalChoice
        The interval of the means.
    blocks : Series, optional
        As `load_blocks` returns it: with it there is the interval over pairs and test examples too.

    Returns
    -------
    DataFrame
        The columns of ``barrier_vs_width.csv``, sorted. A cell of which nothing was found has a row too, with no pair.
    """
    varying = varying_columns(runs)
    cell = [*schema.CELL, *varying, "matching", "repair", "width"]
    measured = runs[runs["status"] == "ok"]
    of_pairs = [*OF_PAIRS, *(metric for metric in CONTROLS if metric in measured and measured[metric].notna().any())]
    pairs = summarise_all(measured, [*cell, "split"], of_pairs, choice)
    pairs = pairs.join(two_way_all(measured, [*cell, "split"], of_pairs, blocks, choice))
    table = as_keys(pd.concat([pairs, _of_networks(measured, [*cell, "split"], choice)], ignore_index=True), varying)

    requested = as_keys(_expected_pairs(runs, expected, cell), varying)
    if table.empty:  # the same of a merge
        table = table.astype(requested[cell].dtypes)
    frame = requested.merge(pd.DataFrame({"split": ["test", "train"]}), how="cross").merge(
        pd.DataFrame({"metric": [*of_pairs, *ENDPOINTS]}), how="cross"
    )
    frame = frame.merge(table, on=[*cell, "split", "metric"], how="outer")
    counts = ["n_expected", "n_pairs", "n_networks"]
    frame[counts] = frame[counts].fillna(0).astype(int)
    frame["interval"] = frame["interval"].fillna("none: no pair")
    frame[TWO_WAY_KIND] = frame[TWO_WAY_KIND].fillna("")
    columns = [*schema.CELL, *varying, *schema.names(schema.BARRIER_TAIL)]
    order = [*schema.CELL, *varying, "matching", "repair", "split", "metric", "width"]
    return frame[columns].sort_values(order, key=sortable, kind="stable", ignore_index=True)


def with_two_way(table: pd.DataFrame) -> pd.DataFrame:
    """Return a barrier-versus-width table with the interval over pairs and test examples in place of that over pairs, where it has one."""
    has_both = table[LOW].notna()
    columns = {"ci_low": LOW, "ci_high": HIGH, "interval": TWO_WAY_KIND}
    return table.assign(**{name: table[both].where(has_both, table[name]) for name, both in columns.items()})


def _of_networks(measured: pd.DataFrame, by: list[str], choice: IntervalChoice) -> pd.DataFrame:
    """Return the rows of the end points; their pairs are those whose networks they are of."""
    networks = endpoints(measured, by).rename(columns=dict(zip(MEASURES, ENDPOINTS, strict=True)))
    table = summarise_networks(networks, by, ENDPOINTS, choice)
    cells, keys = cells_of(measured, by)  # in the order of the networks' cells
    return table.assign(n_pairs=np.tile(np.bincount(cells, minlength=len(keys)), len(ENDPOINTS)))


def varying_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns of varying keys of runs or layers: those that the schema does not name."""
    tails = (schema.RUN_KEYS, schema.PAIR_KEYS, schema.RUNS_TAIL, schema.LAYERS_TAIL)
    named_columns = {name for columns in tails for name in schema.names(columns)}
    return [name for name in frame.columns if name not in named_columns]


def _expected_pairs(runs: pd.DataFrame, expected: pd.DataFrame | None, cell: list[str]) -> pd.DataFrame:
    """Return the number of pairs that were to be measured in each cell; found ones that nobody expected count as expected."""
    pairs = runs[runs["split"] == "test"].groupby(["run_id", *cell], sort=False).size().rename("n_expected").reset_index()
    if expected is not None and len(expected):
        named = expected.rename(columns={"n_pairs": "n_expected"})[["run_id", *cell, "n_expected"]]
        # Without rows the columns of numbers are of no kind, and would make numbers with a point of whole ones.
        pairs = pd.concat([named, pairs]).drop_duplicates(["run_id", "matching", "repair"]) if len(pairs) else named
    return pairs.groupby(cell, sort=False)["n_expected"].sum().reset_index()
