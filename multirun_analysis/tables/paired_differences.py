"""Paired differences between the values of a key, methods or repairs, on the same pairs of networks, corrected for their number."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.schema import STATISTICS
from multirun_analysis.stats.decisions import error_over_networks, holm, two_sided_p
from multirun_analysis.stats.interval_choice import MOST_LEVEL, IntervalChoice
from multirun_analysis.stats.power import smallest_detectable
from multirun_analysis.stats.summary import cells_of, summarise_all
from multirun_analysis.tables.barrier_vs_width import varying_columns

# Those that were measured are compared.
METRICS = ("loss_barrier", "error_barrier", "loss_barrier_calibrated", "loss_midpoint", "error_midpoint")
ALWAYS = METRICS[:2]
TAIL = (
    *STATISTICS, "better", "n_comparisons", "ci_low_corrected", "ci_high_corrected", "better_corrected", "p_value",
    "p_holm", "better_holm", "detectable",
)  # fmt: skip


def paired_differences(
    runs: pd.DataFrame, key: str, fixed: str, names: tuple[str, str], order: Sequence[str], choice: IntervalChoice
) -> pd.DataFrame:
    r"""Return the mean over pairs of the difference of a measure between every two values of a key.

    .. math:: \bar d = \tfrac1n \sum_p (E_{p, \text{one}} - E_{p, \text{other}})

    Parameters
    ----------
    runs : DataFrame
        Rows of ``runs.csv``. Diverged jobs do not count.
    key, fixed : str
        ``matching`` and ``repair``: the key whose values are compared, and the one that is the same on both sides.
    names : tuple of str
        The columns of the two values.
    order : sequence of str
        The values of the key.
    choice : IntervalChoice

    Returns
    -------
    DataFrame
        The cell's keys, ``width``, `fixed`, ``split``, ``metric``, `names`, and `TAIL`.
    """
    cell = [*schema.CELL, *varying_columns(runs), "width", fixed, "split"]
    pair = [*cell, "network_a", "network_b"]
    measured = runs[runs["status"] == "ok"].drop_duplicates([*pair, key])
    metrics = measured_metrics(measured)
    wide = measured.set_index([*pair, key])[metrics].unstack(key)
    compared = {f"difference {k}": each for k, each in enumerate((m, *two) for m in metrics for two in combinations(order, 2))}
    columns = {name: (wide[metric, one] - wide[metric, other]).to_numpy() for name, (metric, one, other) in compared.items()}
    differences = pd.concat([wide.index.to_frame(index=False), pd.DataFrame(columns)], axis=1)
    if not compared:
        return pd.DataFrame(columns=[*cell, "metric", *names, *TAIL])
    table = summarise_all(differences, cell, list(compared), choice).rename(columns={"metric": "comparison"})
    labels = pd.DataFrame([compared[name] for name in table["comparison"]], columns=["metric", *names])
    table = table.join(labels)
    table = table[table["n_pairs"] > 0].reset_index(drop=True)
    table = table.join(_corrected(table, differences, cell, choice))
    for suffix in ("", "_corrected"):
        second = table[names[1]].where(table[f"ci_low{suffix}"] > 0, "undecided")
        table[f"better{suffix}"] = table[names[0]].where(table[f"ci_high{suffix}"] < 0, second)
    table["p_value"] = _p_values(table, differences, cell)
    table["p_holm"] = holm(table["p_value"].to_numpy(), table.groupby([*cell, "metric"], sort=False, dropna=False).ngroup().to_numpy())
    lower = table[names[0]].where(table["mean"] < 0, table[names[1]])
    table["better_holm"] = lower.where(table["p_holm"] < 1 - choice.level, "undecided")
    n, independent = table["n_pairs"].to_numpy(), table["n_networks"] == 2 * table["n_pairs"]
    table["detectable"] = np.where(independent, smallest_detectable(n, table["std"].to_numpy(), choice.level), np.nan)
    return table[[*cell, "metric", *names, *TAIL]].sort_values([*cell, "metric"], kind="stable", ignore_index=True)


def measured_metrics(measured: pd.DataFrame) -> list[str]:
    """Return the measures that pairs are compared by: the barriers, and of the others those that some pair has."""
    return [metric for metric in METRICS if metric in measured and (metric in ALWAYS or measured[metric].notna().any())]


def _p_values(table: pd.DataFrame, differences: pd.DataFrame, cell: list[str]) -> np.ndarray:
    """Return the p-value of every mean difference: of independent pairs by their spread, of others by what their interval is over."""
    n = table["n_pairs"].to_numpy()
    error, freedom = table["std"].to_numpy() / np.sqrt(n), np.maximum(n - 1.0, 1.0)
    shared = np.flatnonzero(table["n_networks"].to_numpy() < 2 * n)
    if len(shared):
        cells, keys = cells_of(differences, cell)
        number = keys.assign(cell=np.arange(len(keys))).merge(table.loc[shared, cell].assign(row=shared), on=cell).set_index("row")["cell"]
        for row in shared:
            rows = differences[(cells == number[row]) & differences[table["comparison"].iloc[row]].notna()]
            values = rows[table["comparison"].iloc[row]].to_numpy()
            error[row], freedom[row] = error_over_networks(values, rows["network_a"].to_numpy(), rows["network_b"].to_numpy())
    return two_sided_p(table["mean"].to_numpy(), error, freedom)


def _corrected(table: pd.DataFrame, differences: pd.DataFrame, cell: list[str], choice: IntervalChoice) -> pd.DataFrame:
    r"""Return the intervals of differences at a level that all of a family hold together, and the number of comparisons in the family.

    .. math:: \gamma_m = 1 - (1 - \gamma) / m

    for the m comparisons of one cell and metric (Bonferroni).
    """
    counts = table.groupby([*cell, "metric"], sort=False, dropna=False)["comparison"].transform("size")
    parts = []
    for count in sorted(counts.unique().tolist()):
        level = min(1 - (1 - choice.level) / count, MOST_LEVEL)
        resamples = max(choice.resamples, math.ceil(2 / (1 - level)))
        some = table[counts == count]
        names = sorted(some["comparison"].unique())
        corrected = summarise_all(differences, cell, names, replace(choice, level=level, resamples=resamples))
        corrected = corrected.rename(columns={"metric": "comparison", "ci_low": "ci_low_corrected", "ci_high": "ci_high_corrected"})
        joined = some[[*cell, "comparison"]].merge(corrected, on=[*cell, "comparison"], how="left")
        parts.append(joined[["ci_low_corrected", "ci_high_corrected"]].set_axis(some.index).assign(n_comparisons=count))
    empty = pd.DataFrame(columns=["ci_low_corrected", "ci_high_corrected", "n_comparisons"], dtype=float)
    return pd.concat(parts).sort_index() if parts else empty
