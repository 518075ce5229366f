"""What a repair changes, on the same pairs: paired differences between repairs, one row per cell, method, two repairs, split and metric."""

import pandas as pd

from multirun_analysis.records.labels import repair_order
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.tables.paired_differences import paired_differences


def repair_differences(runs: pd.DataFrame, choice: IntervalChoice = DEFAULT) -> pd.DataFrame:
    r"""Return the mean over pairs of the difference of a measure between two repairs, under the same method.

    .. math:: \bar d = \tfrac1n \sum_p (E_{p, \text{repair}} - E_{p, \text{other}})

    Parameters
    ----------
    runs : DataFrame
        As `load_runs` returns it. Diverged jobs do not count.
    choice : IntervalChoice

    Returns
    -------
    DataFrame
        The cell's keys, ``width``, ``matching``, ``split``, ``metric``, ``repair``, ``other``, then the columns of `STATISTICS`, of the
        difference, ``better``, ``n_comparisons`` and the corrected interval, as those of `method_differences`; empty with one repair.
    """
    repairs = sorted(runs.loc[runs["status"] == "ok", "repair"].unique(), key=repair_order, reverse=True)  # none is subtracted
    return paired_differences(runs, "repair", "matching", ("repair", "other"), repairs, choice)
