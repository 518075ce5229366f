"""How much a measure grows from the least value of a key, of depth or width, to each other one."""

from collections.abc import Sequence

import pandas as pd

from multirun_analysis.stats.welch import welch


def growth(pairs: pd.DataFrame, key: str, by: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    r"""Return the change of the mean of a measure from the least value of a key to each other one, with Welch's interval.

    .. math:: \bar x_k - \bar x_1

    Pairs of two values of the key share no network, so that they are two independent samples (`stats.welch`).

    Parameters
    ----------
    pairs : DataFrame
        Rows of ``runs.csv`` of one split, of jobs that did not diverge.
    key : str
        ``depth``, ``width``, or another whose values are numbers.
    by : sequence of str
        The other columns that make a cell.
    metrics : sequence of str
        Measures of `pairs`; pairs without one do not count in it.

    Returns
    -------
    DataFrame
        ``metric``, `by`, the two values of the key, ``from_KEY`` and ``to_KEY``, then ``growth``, ``growth_low``, ``growth_high``, and
        ``n_pairs``, of the value that has fewer.
    """
    columns = [f"from_{key}", f"to_{key}", "growth", "growth_low", "growth_high", "n_pairs"]
    rows = []
    for metric in metrics:
        for names, cell in pairs[pairs[metric].notna()].groupby(list(by)):
            values = {value: part[metric].to_numpy() for value, part in cell.groupby(key)}
            first, *others = values
            for other in others:
                change = values[other].mean() - values[first].mean()
                counts = min(len(values[other]), len(values[first]))
                entries = (metric, *names, first, other, change, *welch(values[other], values[first]), counts)
                rows.append(dict(zip(["metric", *by, *columns], entries, strict=True)))
    return pd.DataFrame(rows, columns=["metric", *by, *columns])
