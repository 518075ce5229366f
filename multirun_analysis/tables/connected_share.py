"""How many pairs are linearly connected at a tolerance: one row per cell, method, repair, split, metric, tolerance and width."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.stats.shares import clopper_pearson, is_connected
from multirun_analysis.stats.summary import cells_of
from multirun_analysis.tables.barrier_vs_width import varying_columns

TOLERANCES = {
    "loss_barrier": (0.01, 0.05, 0.1, 0.2),
    "error_barrier": (0.005, 0.01, 0.02, 0.05),
}  # 0.02: Frankle et al. 2020 call that stable
EXACT, SHARED = "Clopper-Pearson", "none: pairs share networks"


def connected_share(
    runs: pd.DataFrame, tolerances: dict[str, Sequence[float]] | None = None, choice: IntervalChoice = DEFAULT
) -> pd.DataFrame:
    r"""Return the share of pairs whose barrier is at most :math:`\tau`, an estimate of :math:`P(\text{barrier} \le \tau)`.

    "With high probability" is the theorems' own word; this is that probability, among networks that did not diverge.

    Parameters
    ----------
    runs : DataFrame
        As `load_runs` returns it. Diverged jobs do not count.
    tolerances : dict of str to sequence of float, optional
        By measure.
    choice : IntervalChoice
        Only its level counts: the interval is exact.

    Returns
    -------
    DataFrame
        The cell's keys, ``matching``, ``repair``, ``split``, ``metric``, ``tolerance``, ``width``, ``n_pairs``, ``n_connected``, ``share``,
        ``ci_low``, ``ci_high``, ``interval``. Pairs that share networks are no independent trials, and have no interval.
    """
    by = [*schema.CELL, *varying_columns(runs), "matching", "repair", "split", "width"]
    measured = runs[runs["status"] == "ok"]
    cells, keys = cells_of(measured, by)
    n_pairs = np.bincount(cells, minlength=len(keys))
    ends = pd.DataFrame({"cell": np.concatenate([cells, cells]), "network": pd.concat([measured["network_a"], measured["network_b"]])})
    shared = np.isin(np.arange(len(keys)), ends.loc[ends.duplicated(), "cell"])
    parts = []
    for metric, levels in (TOLERANCES if tolerances is None else tolerances).items():
        barriers = measured[metric].to_numpy()  # one that is not finite is above every tolerance
        for tolerance in levels:
            count = np.bincount(cells[is_connected(barriers, tolerance)], minlength=len(keys))
            low, high = clopper_pearson(count, n_pairs, choice.level)
            parts.append(
                keys.assign(
                    metric=metric, tolerance=tolerance, n_pairs=n_pairs, n_connected=count, share=count / n_pairs,
                    ci_low=np.where(shared, np.nan, low), ci_high=np.where(shared, np.nan, high),
                    interval=np.where(shared, SHARED, choice.named(EXACT)).astype(object),
                )
            )  # fmt: skip
    order = [*by[:-1], "metric", "tolerance", "width"]
    columns = [*order, "n_pairs", "n_connected", "share", "ci_low", "ci_high", "interval"]
    table = pd.concat(parts, ignore_index=True) if len(keys) and parts else pd.DataFrame(columns=columns)
    return table[columns].sort_values(order, kind="stable", ignore_index=True)
