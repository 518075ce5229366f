"""Which method is better, on the same pairs: paired differences, one row per cell, repair, two methods, split and metric."""

import pandas as pd

from multirun_analysis.records.labels import method_order
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.tables.paired_differences import paired_differences


def method_differences(runs: pd.DataFrame, choice: IntervalChoice = DEFAULT) -> pd.DataFrame:
    r"""Return the mean over pairs of the difference of a measure between two methods, under the same repair.

    .. math:: \bar d = \tfrac1n \sum_p (E_{p, \text{method}} - E_{p, \text{other}})

    Pairs are the same for both methods, so what makes a pair easy or hard cancels. Of the plain intervals of many rows one in twenty
    decides by chance; the corrected ones hold together for all comparisons of a cell, width, repair, split and metric (Bonferroni), and
    Holm's p-values decide all that they do and more. Pairs that tie speak for neither.

    Parameters
    ----------
    runs : DataFrame
        As `load_runs` returns it. Diverged jobs do not count.
    choice : IntervalChoice

    Returns
    -------
    DataFrame
        The cell's keys, ``width``, ``repair``, ``split``, ``metric``, ``method``, ``other``, then the columns of `STATISTICS`, of the
        difference, ``better``: the method whose value is lower by the interval, else ``undecided``; ``n_comparisons``, and the corrected
        interval with what it decides; ``p_value``, ``p_holm`` and what Holm's method decides; ``detectable``, the smallest difference that
        so many pairs detect.
    """
    methods = sorted(runs.loc[runs["status"] == "ok", "matching"].unique(), key=method_order)
    return paired_differences(runs, "matching", "repair", ("method", "other"), methods, choice)
