"""The networks' own losses and errors, each network once: pairs and methods share networks, and would count some of them more often."""

from collections.abc import Sequence

import pandas as pd

MEASURES = ("loss", "error")


def endpoints(runs: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    r"""Return the networks of every cell with their own loss and error, one row for each network of a cell.

    .. math:: \bar E = \tfrac1N \sum_{n=1}^N E(\theta_n)

    over the N networks of a cell is then a plain mean. Where records differ in what they say of a network, the distinct values that they
    give are averaged first: it is one network all the same.

    Parameters
    ----------
    runs : DataFrame
        Rows of ``runs.csv``, of one split or with ``split`` among `by`: any number of pairs and methods for each network.
    by : sequence of str
        The columns that make a cell.

    Returns
    -------
    DataFrame
        `by`, ``network``, ``loss``, ``error``, the cells in the order of `runs`.
    """
    keys = list(by)
    ends = [
        runs[[*keys, f"network_{end}", *(f"{measure}_{end}" for measure in MEASURES)]].set_axis([*keys, "network", *MEASURES], axis=1)
        for end in "ab"
    ]
    table = pd.concat(ends).drop_duplicates(ignore_index=True)
    name = [*keys, "network"]
    if not table.duplicated(name).any():
        return table
    return table.groupby(name, sort=False, dropna=False)[list(MEASURES)].mean().reset_index()
