"""Slopes and steps of a sweep: one for every cell, exact on power laws, zeros counted."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from many_cells import KEYS, runs_of

from multirun_analysis.stats.slopes import slope_over_widths
from multirun_analysis.tables.slopes import slopes, width_steps

WIDTHS = np.array([4, 8, 16, 32])


def frame(values: np.ndarray) -> pd.DataFrame:
    """Return runs of one method whose loss barriers are `values`, seeds by widths."""
    rows = [
        {
            "run_id": f"{width}-{seed}", "status": "ok", "dataset": "digits", "model": "mlp", "width": width, "depth": 1, "seed": seed,
            "network_a": f"{width}-{seed}-0", "network_b": f"{width}-{seed}-1", "matching": "weights", "repair": "none", "split": split,
            "loss_barrier": value, "error_barrier": value / 10,
        }
        for seed, line in enumerate(values) for width, value in zip(WIDTHS, line, strict=True) for split in ("train", "test")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_table_has_a_slope_per_method_split_and_metric_and_counts_zeros():
    values = np.array([[1.0, 0.5, 0.25, 0.0], [1.1, 0.55, 0.275, 0.0], [0.9, 0.45, 0.225, 0.1]])
    table = slopes(frame(values))
    assert len(table) == 2 * 2
    assert set(table["window"]) == {"4 8 16 32"}
    assert (table["zeros"] == 2).all()
    fixed = slopes(frame(values), window=(4, 16))
    assert set(fixed["window"]) == {"4 8 16"}
    np.testing.assert_allclose(fixed["slope"], -1)
    assert all(text.startswith("-1.00 ± ") and text.count(";") == 1 for text in fixed["local_slopes"])


def test_neighbouring_widths_fall_or_rise_or_are_undecided_by_paired_intervals():
    base = np.array([[1.0, 2.0, 3.0, 4.0]]).T
    values = np.hstack([base, base - 0.5, base - 0.5 + [[0.1], [-0.1], [0.1], [-0.1]], base + 1])  # seeds differ more than widths
    table = width_steps(frame(values))
    loss = table[(table["metric"] == "loss_barrier") & (table["split"] == "test")]
    assert loss["direction"].tolist() == ["falls", "undecided", "rises"]
    assert loss["from_width"].tolist() == [4, 8, 16]
    assert loss["difference"].tolist() == pytest.approx([-0.5, 0.0, 1.5])


def test_p_values_are_those_of_paired_tests_and_corrected_for_the_steps_of_a_method_by_holm():
    runs = runs_of(missing=0)
    runs["loss_barrier"] /= runs["width"]
    table = width_steps(runs).query("n_seeds > 1")
    tests = 0
    for key, line in table.groupby([*KEYS, "matching", "split", "metric"]):
        means = (
            runs[runs["status"] == "ok"].set_index([*KEYS, "matching", "split"]).loc[key[:-1]].groupby(["width", "seed"])[key[-1]].mean()
        )
        p = []
        for first, second, value in zip(line["from_width"], line["to_width"], line["p_value"], strict=True):
            p.append(scipy.stats.ttest_rel(*means.loc[[first, second]].unstack("width").dropna().to_numpy().T).pvalue)
            assert value == pytest.approx(p[-1])
        expected = np.maximum.accumulate(np.sort(p) * np.arange(3, 3 - len(p), -1))[np.argsort(np.argsort(p))]  # of three steps
        np.testing.assert_allclose(line["p_holm"], np.minimum(expected, 1))
        assert (line["direction"] != "undecided").tolist() == (line["p_holm"] < 0.05).tolist()
        assert (line["ci_high"] < 0).tolist() == [d < 0 and each < 0.05 for d, each in zip(line["difference"], p, strict=True)]
        tests += len(p)
    assert tests > 10
    changed = table[(table["p_value"] < 0.05) & (table["direction"] == "undecided")]
    assert len(changed) > 0  # decided by themselves only


def test_steps_of_one_common_seed_and_of_none():
    runs = frame(np.array([[1.0, 0.5, 0.25, 0.1]]))
    assert set(width_steps(runs)["direction"]) == {"undecided"}
    assert width_steps(runs)["p_holm"].isna().all()  # of one value no spread is known
    apart = width_steps(runs.assign(seed=runs["width"]))
    assert set(apart["direction"]) == {"no common seed"}
    assert apart["difference"].isna().all()


def test_the_slope_of_every_cell_is_that_of_its_pivot():
    runs = runs_of()
    all_slopes = slopes(runs).set_index([*KEYS, "matching", "split", "metric"])
    assert len(all_slopes) == 3 * 2 * 2 * 2
    for key, cell in runs[runs["status"] == "ok"].groupby([*KEYS, "matching", "split"]):
        for metric in ("loss_barrier", "error_barrier"):
            table = cell.pivot_table(index="seed", columns="width", values=metric, aggfunc="mean").sort_index(axis=1)
            expected, row = slope_over_widths(table.columns.to_numpy(), table.to_numpy()), all_slopes.loc[(*key, metric)]
            numbers = row[["slope", "ci_low", "ci_high", "lack_of_fit", "lack_of_fit_p"]].astype(float)
            np.testing.assert_array_equal(numbers, [expected.slope, expected.low, expected.high, expected.lack_of_fit, expected.p])
            assert (row["window"], row["n_seeds"]) == (" ".join(map(str, expected.window)) or "none", len(table))
            assert row["zeros"] == 0
