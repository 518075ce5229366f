"""How many pairs are linearly connected at a tolerance: one row per cell, method, split, metric, tolerance and width."""

from collections.abc import Sequence

import pandas as pd

from multirun_analysis.stats.shares import clopper_pearson, is_connected
from multirun_analysis.tables.barrier_vs_width import varying_columns

TOLERANCES = {
    "loss_barrier": (0.01, 0.05, 0.1, 0.2),
    "error_barrier": (0.005, 0.01, 0.02, 0.05),
}  # 0.02: Frankle et al. 2020 call that stable
INDEPENDENT, SHARED = "Clopper-Pearson, 95%", "none: pairs share networks"


def connected_share(runs: pd.DataFrame, tolerances: dict[str, Sequence[float]] | None = None) -> pd.DataFrame:
    r"""Return the share of pairs whose barrier is at most :math:`\tau`, an estimate of :math:`P(\text{barrier} \le \tau)`.

    "With high probability" is the theorems' own word; this is that probability, among networks that did not diverge.

    Parameters
    ----------
    runs : DataFrame
        As `load_runs` returns it. Diverged jobs do not count.
    tolerances : dict of str to sequence of float, optional
        By measure.

    Returns
    -------
    DataFrame
        The cell's keys, ``matching``, ``split``, ``metric``, ``tolerance``, ``width``, ``n_pairs``, ``n_connected``, ``share``,
        ``ci_low``, ``ci_high``, ``interval``. Pairs that share networks are no independent trials, and have no interval.
    """
    by = ["dataset", "model", "depth", *varying_columns(runs), "matching", "split", "width"]
    measured = runs[runs["status"] == "ok"]
    rows = []
    for key, cell in measured.groupby(by, sort=True):
        shared = pd.concat([cell["network_a"], cell["network_b"]]).duplicated().any()
        for metric, levels in (TOLERANCES if tolerances is None else tolerances).items():
            barriers = cell[metric].to_numpy()  # one that is not finite is above every tolerance
            for tolerance in levels:
                count = int(is_connected(barriers, tolerance).sum())
                low, high = (float("nan"), float("nan")) if shared else clopper_pearson(count, len(barriers))
                rows.append(
                    dict(zip(by, key, strict=True))
                    | {
                        "metric": metric, "tolerance": tolerance, "n_pairs": len(barriers), "n_connected": count,
                        "share": count / len(barriers) if len(barriers) else float("nan"), "ci_low": low, "ci_high": high,
                        "interval": SHARED if shared else INDEPENDENT,
                    }
                )  # fmt: skip
    order = [*by[:-1], "metric", "tolerance", "width"]
    columns = [*order, "n_pairs", "n_connected", "share", "ci_low", "ci_high", "interval"]
    return pd.DataFrame(rows, columns=columns).sort_values(order, kind="stable", ignore_index=True)
