"""All methods on the same pairs: who is better than whom by corrected intervals, what a repair changes, and what a method costs."""

import numpy as np
import pandas as pd
import pytest
from many_cells import runs_of

from multirun_analysis.stats.intervals import student_t
from multirun_analysis.studies.methods_mnist import decided, methods, repairs, times
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.repair_differences import repair_differences

HEIGHTS = {"a": 1.0, "b": 2.0, "c": 2.0}


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(2)
    runs = runs_of(missing=0.0)
    runs = runs[(runs["matching"] == "weights") & (runs["optimizer.lr"] == 0.1) & (runs["width"] != 32)].drop(columns="optimizer.lr")
    parts = []
    for method, height in HEIGHTS.items():
        for repair, factor in (("none", 1.0), ("repair", 0.5)):
            noise = 0.05 * rng.standard_normal(len(runs))
            parts.append(runs.assign(matching=method, repair=repair, loss_barrier=factor * height + noise, error_barrier=0.1 * height))
    table = pd.concat(parts, ignore_index=True)
    absent = dict.fromkeys(
        ("loss_barrier_calibrated", "loss_ensemble", "error_ensemble", "barrier_over_loss", "temperature_midpoint"), np.nan
    )
    table = table.assign(seconds_match=3.0, seconds_train=12.0, **absent)
    return {"runs": table, "method_differences": method_differences(table), "repair_differences": repair_differences(table)}


def test_the_lowest_is_better_than_all_others_and_equal_ones_are_undecided(frames):
    table = decided(frames)
    cell = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["repair"] == "none")]
    for _, part in cell.groupby("width"):
        counts = part.set_index("matching")[["better_than", "worse_than", "undecided_against"]]
        assert counts.loc["a"].tolist() == [2, 0, 0]
        assert counts.loc["b"].tolist() == counts.loc["c"].tolist() == [0, 1, 1]
    assert (table[["better_than", "worse_than", "undecided_against"]].sum(axis=1) == 2).all()


def test_intervals_of_repairs_hold_together_for_all_methods(frames):
    table = repairs(frames)
    row = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["matching"] == "b") & (table["width"] == 8)].iloc[
        0
    ]
    runs = frames["runs"]
    cell = runs[(runs["matching"] == "b") & (runs["width"] == 8) & (runs["split"] == "test") & (runs["status"] == "ok")]
    two = [cell.loc[cell["repair"] == repair].sort_values("network_a")["loss_barrier"].to_numpy() for repair in ("repair", "none")]
    sign = 1 if row["repair"] == "repair" else -1
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], student_t(sign * (two[0] - two[1]), 1 - 0.05 / 3))
    assert row["better"] == "repair"


def test_times_are_shares_of_training(frames):
    table = times(frames)
    np.testing.assert_allclose(table.loc[table["measure"] == "ratio", "mean"], 0.25)


def test_measures_that_nobody_took_have_no_rows(frames):
    table = methods(frames)
    assert {"loss_barrier", "error_barrier", "seconds_match"} <= set(table["metric"])
    assert "loss_ensemble" not in set(table["metric"])
    lowest = table[(table["metric"] == "error_barrier") & (table["matching"] == "a")]
    np.testing.assert_allclose(lowest["mean"], 0.1)
