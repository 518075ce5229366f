"""The share of a barrier that a repair removes: pair by pair, negative where it does harm, none of a pair without a barrier."""

import numpy as np
import pandas as pd
from scipy import stats
from study_rows import pair

from multirun_analysis.tables.removed_share import removed_share

WITHOUT, WITH = [0.4, 0.2, 0.0], [0.1, 0.3, 0.2]


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        pair(8, seed) | {"matching": "weights", "repair": repair, "loss_barrier": value, "error_barrier": value / 2}
        for repair, values in (("none", WITHOUT), ("repair", WITH))
        for seed, value in enumerate(values)
    )


def test_the_share_is_of_each_pairs_own_barrier():
    table = removed_share(frame(), ["matching", "repair"], ["loss_barrier", "error_barrier"])
    shares = [1 - 0.1 / 0.4, 1 - 0.3 / 0.2]
    assert table["metric"].tolist() == ["error_barrier", "loss_barrier"]
    assert set(table["repair"]) == {"repair"}
    assert table["n_pairs"].tolist() == [2, 2]  # the third pair has no barrier, of which there is no share
    np.testing.assert_allclose(table["mean"], np.mean(shares))
    interval = stats.ttest_1samp(shares, 0).confidence_interval()
    np.testing.assert_allclose(table[["ci_low", "ci_high"]], [[interval.low, interval.high]] * 2)


def test_without_another_repair_there_is_no_row():
    rows = frame()
    assert removed_share(rows[rows["repair"] == "none"], ["matching", "repair"], ["loss_barrier"]).empty
