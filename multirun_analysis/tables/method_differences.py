"""Which method is better, on the same pairs: paired differences between methods, one row per cell, two methods, split and metric."""

from itertools import combinations

import pandas as pd

from multirun_analysis import schema
from multirun_analysis.frames.tidy import method_order
from multirun_analysis.schema import STATISTICS
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.stats.summary import summarise_all
from multirun_analysis.tables.barrier_vs_width import varying_columns

METRICS = ("loss_barrier", "error_barrier")
COLUMNS = ("metric", "method", "other", *STATISTICS, "better")


def method_differences(runs: pd.DataFrame, choice: IntervalChoice = DEFAULT) -> pd.DataFrame:
    r"""Return the mean over pairs of the difference of a barrier between two methods.

    .. math:: \bar d = \tfrac1n \sum_p (\text{barrier}_{p, \text{method}} - \text{barrier}_{p, \text{other}})

    Pairs are the same for both methods, so what makes a pair easy or hard cancels. Every row is for itself: of many rows, one in twenty
    is decided by chance.

    Parameters
    ----------
    runs : DataFrame
        As `load_runs` returns it. Diverged jobs do not count.
    choice : IntervalChoice

    Returns
    -------
    DataFrame
        The cell's keys, ``width``, ``split``, ``metric``, ``method``, ``other``, then the columns of `STATISTICS`, of the difference, and
        ``better``: the method whose barrier is lower by the interval, else ``undecided``.
    """
    cell = [*schema.CELL, *varying_columns(runs), "width", "split"]
    pair = [*cell, "network_a", "network_b"]
    measured = runs[runs["status"] == "ok"].drop_duplicates([*pair, "matching"])
    methods = sorted(measured["matching"].unique(), key=method_order)
    wide = measured.set_index([*pair, "matching"])[list(METRICS)].unstack("matching")
    names = {f"difference {k}": compared for k, compared in enumerate((m, *two) for m in METRICS for two in combinations(methods, 2))}
    columns = {name: (wide[metric, method] - wide[metric, other]).to_numpy() for name, (metric, method, other) in names.items()}
    differences = wide.index.to_frame(index=False).assign(**columns)
    if not names:
        return pd.DataFrame(columns=[*cell, *COLUMNS])
    table = summarise_all(differences, cell, list(names), choice)
    labels = pd.DataFrame([names[name] for name in table["metric"]], columns=["metric", "method", "other"])
    table = table.drop(columns="metric").join(labels)
    table = table[table["n_pairs"] > 0]
    better = table["method"].where(table["ci_high"] < 0, table["other"].where(table["ci_low"] > 0, "undecided"))
    return table.assign(better=better)[[*cell, *COLUMNS]].sort_values([*cell, "metric"], kind="stable", ignore_index=True)
