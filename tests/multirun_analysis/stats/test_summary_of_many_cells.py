"""The summaries of many cells at once, against each cell for itself."""

import numpy as np
import pandas as pd
import pytest
from many_cells import runs_of, summary_of_each

from multirun_analysis.stats.summary import NO_VALUE, ONE_VALUE, summarise, summarise_all


@pytest.mark.parametrize(
    "by", [["width"], ["optimizer.lr", "matching", "width", "split"], ["seed", "optimizer.lr", "width", "split", "matching"]]
)
@pytest.mark.parametrize("missing", [0.0, 0.1, 0.9])
def test_the_summary_of_every_cell_is_that_of_the_cell_alone_to_the_last_bit(by, missing):
    runs = runs_of(missing=missing).sample(frac=1, random_state=1)  # cells are not together
    summary, expected = summarise(runs, by, "loss_barrier"), summary_of_each(runs, by, "loss_barrier")
    pd.testing.assert_frame_equal(summary[list(expected.columns)], expected, check_exact=True)
    if missing == 0.9 and len(by) == 5:
        assert {NO_VALUE, ONE_VALUE} <= set(summary["interval"])


def test_large_cells_are_summed_in_the_order_of_a_cell_alone():
    rng, n = np.random.default_rng(3), 3000
    frame = pd.DataFrame(
        {"cell": np.arange(n) % 2, "value": rng.lognormal(size=n), "network_a": np.arange(n), "network_b": -1 - np.arange(n)}
    )
    expected = summary_of_each(frame, ["cell"], "value")
    pd.testing.assert_frame_equal(summarise(frame, ["cell"], "value")[list(expected.columns)], expected, check_exact=True)


def test_several_measures_are_one_below_the_other():
    runs = runs_of()
    both = summarise_all(runs, ["width"], ["loss_barrier", "error_barrier"])
    for metric in ("loss_barrier", "error_barrier"):
        part = both[both["metric"] == metric].drop(columns="metric").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, summarise(runs, ["width"], metric), check_exact=True)


def test_no_row_is_a_summary_without_rows():
    summary = summarise(runs_of().iloc[:0], ["width", "split"], "loss_barrier")
    assert list(summary.columns) == list(summarise(runs_of(), ["width", "split"], "loss_barrier").columns)
    assert len(summary) == 0
