"""The share of a barrier that a repair removes."""

from collections.abc import Sequence

import pandas as pd

from multirun_analysis.schema import PAIR, WITHOUT_REPAIR
from multirun_analysis.stats.summary import summarise


def removed_share(pairs: pd.DataFrame, by: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    r"""Return the share of a pair's barrier that a repair removes, over pairs.

    .. math:: 1 - \frac{\text{barrier}_\text{repair}}{\text{barrier}_\text{none}}

    Negative where the repair makes the barrier higher; pairs without a barrier have no share.

    Parameters
    ----------
    pairs : DataFrame
        Rows of ``runs.csv`` of one split, of jobs that did not diverge.
    by : sequence of str
        The columns that make a cell, ``repair`` among them.
    metrics : sequence of str
        Barriers, columns of `pairs`.

    Returns
    -------
    DataFrame
        `by`, the statistics over pairs, and ``metric``; sorted by ``metric`` and `by`.
    """
    keys = [*(key for key in by if key != "repair"), *PAIR]
    without = pairs["repair"] == WITHOUT_REPAIR["repair"]
    plain, tables = pairs[without].set_index(keys), []
    for metric in metrics:
        repaired = pairs[~without].join(plain[metric].rename("without"), on=keys)
        repaired = repaired[repaired["without"] > 0]
        shares = repaired.assign(share=1 - repaired[metric] / repaired["without"])
        tables.append(summarise(shares, list(by), "share").assign(metric=metric))
    return pd.concat(tables).sort_values(["metric", *by], ignore_index=True)
