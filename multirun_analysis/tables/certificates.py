"""How certificates of the output gap fare: how many hold, and how far above the measured gap they are."""

from collections.abc import Sequence

import pandas as pd

STATUSES = ("holds", "vacuous", "violated", "none")


def certificates(runs: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return, for every cell, the number of pairs by status of their certificate, and the ratio of certificate to measured output gap.

    Parameters
    ----------
    runs : DataFrame
        As `load_runs` returns it; the gap is measured on the test split.
    by : sequence of str
        The columns that make a cell.

    Returns
    -------
    DataFrame
        `by`, ``n_pairs``, one column per status (vacuous ones hold too, and say nothing), ``ratio_median``, ``ratio_min``, ``ratio_max``.
    """
    measured = runs[(runs["status"] == "ok") & (runs["split"] == "test")]
    rows = []
    for key, cell in measured.groupby(list(by), sort=False):
        ratio = cell["certificate_ratio"].astype(float)
        statuses = cell["certificate_status"].fillna("none")  # records of earlier versions have no certificate
        counts = {status: int((statuses == status).sum()) for status in STATUSES}
        # quantile, for pandas 2 warns of a median of nothing
        ratios = {"ratio_median": ratio.quantile(0.5), "ratio_min": ratio.min(), "ratio_max": ratio.max()}
        rows.append(dict(zip(by, key, strict=True)) | {"n_pairs": len(cell)} | counts | ratios)
    return pd.DataFrame(rows, columns=[*by, "n_pairs", *STATUSES, "ratio_median", "ratio_min", "ratio_max"])
