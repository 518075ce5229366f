"""How much a measure grows with a key: from its least value, in each cell for itself, with the interval of two samples."""

import numpy as np
import pandas as pd

from multirun_analysis.stats.welch import welch
from multirun_analysis.tables.growth import growth

VALUES = {
    ("weights", 64): [1.0, 2.0, 3.0],
    ("weights", 8): [4.0, 6.0],
    ("weights", 16): [7.0],
    ("random", 8): [0.0, 1.0],
    ("random", 64): [3.0, 1.0],
}
PAIRS = pd.DataFrame(
    [{"matching": method, "width": width, "loss_barrier": value, "error_barrier": np.nan} for (method, width), values in VALUES.items() for value in values]
)  # fmt: skip


def test_growth_is_from_the_least_value_of_the_key_to_each_other_one():
    table = growth(PAIRS, "width", ["matching"], ["loss_barrier"])
    assert table[["matching", "from_width", "to_width", "growth", "n_pairs"]].to_numpy().tolist() == [
        ["random", 8, 64, 1.5, 2],
        ["weights", 8, 16, 2.0, 1],
        ["weights", 8, 64, -3.0, 2],
    ]
    assert set(table["metric"]) == {"loss_barrier"}


def test_its_interval_is_welchs_and_is_missing_where_a_value_has_one_pair():
    table = growth(PAIRS, "width", ["matching"], ["loss_barrier"]).set_index(["matching", "to_width"])
    ends = ["growth_low", "growth_high"]
    np.testing.assert_allclose(table.loc[("weights", 64), ends].astype(float), welch(np.array([1.0, 2.0, 3.0]), np.array([4.0, 6.0])))
    assert table.loc[("weights", 16), ends].isna().all()


def test_a_measure_that_no_pair_has_gives_no_row():
    table = growth(PAIRS, "width", ["matching"], ["error_barrier"])
    assert table.empty
    assert list(table) == ["metric", "matching", "from_width", "to_width", "growth", "growth_low", "growth_high", "n_pairs"]
