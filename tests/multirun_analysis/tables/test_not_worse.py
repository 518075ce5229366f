"""Bold in the main table: decided by Holm's p-values of paired differences, recomputed here pair by pair with SciPy."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from analysis_sweeps import REPAIRS, make_record, measures
from many_cells import runs_of

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.not_worse import decided_differences, not_worse
from multirun_analysis.tables.pivots import pivot
from multirun_analysis.tables.repair_differences import repair_differences


def of_methods(record, heights):
    """Return a record with the test rows of weights at a height for each of some methods."""
    (row,) = [row for row in record["runs"] if row["matching"] == "weights" and row["split"] == "test"]
    entries = [{"matching": name, "settings_hash": name[:2]} for name in heights]
    rows = [row | entry | measures(height) for entry, height in zip(entries, heights.values(), strict=True)]
    return record | {"runs": rows, "curves": [], "layers": [], "matching": [entry | {"settings": {}} for entry in entries]}


def bold(write_sweep, heights):
    """Return the methods in bold of a sweep of one cell, whose pair number k has the heights k of its methods."""
    n = len(next(iter(heights.values())))
    records = [of_methods(make_record(f"r{k}", seed=k), {name: float(values[k]) for name, values in heights.items()}) for k in range(n)]
    runs = load_runs(write_sweep(records, name=f"of {n} {len(heights)}"))
    (block,) = pivot(barrier_vs_width(runs), runs, differences={"method_differences": method_differences(runs)})
    return {name for name, value in zip(block.header[3:], block.rows[0][3], strict=True) if value.best}


def test_bold_is_what_a_paired_difference_does_not_decide_to_be_worse(write_sweep):
    pairs = np.array([0.1, 0.3, 0.2, 0.4, 0.25, 0.35])  # easy and hard ones, which cancel in differences
    noise = np.array([0.01, -0.012, 0.009, -0.011, 0.01, -0.01])
    heights = {"identity": pairs + 0.5, "weights": pairs, "covariance": pairs + noise, "activations": pairs + 0.02 + noise / 4}
    assert min(heights, key=lambda name: heights[name].mean()) == "covariance"  # by a hair
    assert scipy.stats.ttest_rel(heights["covariance"], heights["weights"]).pvalue > 0.05
    assert 6 * scipy.stats.ttest_rel(heights["covariance"], heights["activations"]).pvalue < 0.05  # of six comparisons
    assert bold(write_sweep, heights) == {"weights", "covariance"}


def test_what_plain_intervals_decide_and_corrected_ones_do_not_is_bold(write_sweep):
    noise = np.array([0.01, -0.012, 0.009, -0.011, 0.01, -0.006])
    heights = {"identity": 1 + noise, "weights": 0.1 + noise[::-1], "covariance": 0.1085 + 0 * noise}
    p = scipy.stats.ttest_rel(heights["weights"], heights["covariance"]).pvalue
    assert bold(write_sweep, heights) == {"weights", "covariance"}
    shifted = heights | {"covariance": heights["covariance"] + 0.01}
    q = scipy.stats.ttest_rel(shifted["weights"], shifted["covariance"]).pvalue
    assert q < 0.05 < p * 2
    assert bold(write_sweep, shifted) == {"weights"}


@pytest.mark.parametrize("n", [1, 2])
def test_of_too_few_pairs_nothing_is_bold(write_sweep, n):
    pairs = np.array([0.1, 0.3])[:n]
    assert bold(write_sweep, {"identity": 3 * pairs, "weights": pairs, "covariance": 2 * pairs}) == set()


def test_a_tie_is_not_worse_and_where_all_tie_nothing_is_bold(write_sweep):
    pairs = np.array([0.1, 0.3, 0.2, 0.4])
    assert bold(write_sweep, {"identity": pairs + 0.5, "weights": pairs, "covariance": pairs}) == {"weights", "covariance"}
    assert bold(write_sweep, {"weights": pairs, "covariance": pairs}) == set()


def test_a_repair_is_compared_with_repairs_and_other_keys_with_nothing(write_sweep):
    records = [make_record(f"r{k}{w}", seed=k, width=w, barrier=0.2 + 0.01 * k, repairs=REPAIRS) for k in range(4) for w in (8, 16)]
    runs = load_runs(write_sweep(records))
    differences = {"method_differences": method_differences(runs), "repair_differences": repair_differences(runs)}
    for hue, expected in (("matching", ["weights"]), ("repair", ["reset"]), ("width", [])):
        for block in pivot(barrier_vs_width(runs), runs, x="depth", hue=hue, differences=differences):
            for *_, values in block.rows:
                assert [name for name, value in zip(block.header[3:], values, strict=True) if value.best] == expected
        assert not any(value.best for block in pivot(barrier_vs_width(runs), runs, hue="depth") for *_, row in block.rows for value in row)


def test_of_every_row_the_decided_pairs_are_those_of_the_table_of_differences():
    runs = runs_of()
    runs["loss_barrier"] /= np.where(runs["matching"] == "weights", 10, 1)
    table = method_differences(runs)
    keys = ["dataset", "model", "depth", "optimizer.lr", "width"]
    decided = decided_differences({"method_differences": table}, "matching", keys, "loss_barrier", "test")
    rows = table.query("split == 'test' and metric == 'loss_barrier' and p_holm < 0.05")
    expected = {tuple(row[key] for key in keys): {(row["better_holm"], ({row["method"], row["other"]} - {row["better_holm"]}).pop())}
                for _, row in rows.iterrows()}  # fmt: skip
    assert decided == expected
    assert len(expected) > 2


def test_of_means_alone():
    means = {"a": 0.1, "b": 0.2, "c": 0.3, "d": math.nan}
    assert not_worse(means, {("a", "c")}) == {"a", "b"}
    assert not_worse(means, {("b", "c")}) == set()  # says nothing on the lowest
    assert not_worse(means, {("a", "b"), ("a", "c")}) == {"a"}
    assert not_worse(means, set()) == set()
    assert not_worse({"d": math.nan}, {("d", "a")}) == set()
    assert not_worse({}, set()) == set()
    assert decided_differences({"method_differences": pd.DataFrame()}, "width", [], "loss_barrier", "test") == {}
