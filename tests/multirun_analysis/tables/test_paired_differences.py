"""Paired differences: corrected for their number, and of the measures that there are."""

import numpy as np
import pandas as pd
import pytest
from many_cells import KEYS, runs_of
from scipy import stats

from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.paired_differences import ALWAYS, paired_differences

BY = [*KEYS, "width", "repair", "split", "metric"]


def several_methods() -> pd.DataFrame:
    """Return runs of four methods, the later ones a constant above the first and noise."""
    runs = runs_of(missing=0.0)
    rng = np.random.default_rng(1)
    runs = runs[(runs["matching"] == "weights") & (runs["optimizer.lr"] != 0.2)]
    parts = [
        runs.assign(matching=name, loss_barrier=runs["loss_barrier"] + k + 0.05 * rng.random(len(runs))) for k, name in enumerate("abcd")
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_corrected_interval_is_students_at_the_level_that_all_comparisons_hold_together():
    table = method_differences(several_methods())
    sizes = table.groupby(BY)["mean"].transform("size")
    assert (table["n_comparisons"] == sizes).all()
    assert set(sizes) == {6}
    for row in table[table["n_pairs"] > 1].head(40).itertuples():
        half = stats.t.ppf(1 - 0.05 / 6 / 2, row.n_pairs - 1) * row.std / np.sqrt(row.n_pairs)
        np.testing.assert_allclose([row.ci_low_corrected, row.ci_high_corrected], [row.mean - half, row.mean + half], rtol=1e-9)


def test_what_corrected_intervals_decide_plain_ones_decide_too():
    table = method_differences(several_methods())
    decided = table[table["better_corrected"] != "undecided"]
    assert len(decided)
    assert (decided["better"] == decided["better_corrected"]).all()
    assert ((table["ci_low_corrected"] <= table["ci_low"]) | table["ci_low"].isna()).all()


def test_one_comparison_is_not_corrected():
    table = method_differences(runs_of())
    assert (table["n_comparisons"] == 1).all()
    pd.testing.assert_series_equal(table["ci_low_corrected"], table["ci_low"], check_names=False)
    assert (table["better_corrected"] == table["better"]).all()


def test_a_level_of_ones_own_is_corrected_too_and_a_bootstrap_gets_the_resamples_that_it_needs():
    runs = several_methods()
    wide, narrow = (method_differences(runs, IntervalChoice(level=level)) for level in (0.99, 0.9))
    assert (wide["ci_high_corrected"].dropna() >= narrow["ci_high_corrected"].dropna()).all()
    resampled = method_differences(runs, IntervalChoice(kind="bootstrap", resamples=100, level=0.95))
    assert len(resampled) == len(wide)


def test_measures_that_nobody_took_are_left_out():
    runs = several_methods()
    table = method_differences(runs.drop(columns=["loss_midpoint", "error_midpoint"]))
    assert set(table["metric"]) == set(ALWAYS)
    calibrated = method_differences(runs.assign(loss_barrier_calibrated=runs["loss_barrier"] / 2))
    halves = calibrated[calibrated["metric"] == "loss_barrier_calibrated"].reset_index(drop=True)
    plain = calibrated[calibrated["metric"] == "loss_barrier"].reset_index(drop=True)
    np.testing.assert_allclose(halves["mean"], plain["mean"] / 2)


def test_with_one_value_there_is_nothing_to_compare():
    runs = several_methods()
    table = paired_differences(runs, "repair", "matching", ("repair", "other"), ["none"], IntervalChoice())
    assert table.empty
    assert {"repair", "other", "better_corrected"} <= set(table.columns)
    with pytest.raises(KeyError):
        paired_differences(runs, "repair", "nothing", ("repair", "other"), ["none"], IntervalChoice())


def test_p_values_are_those_of_the_intervals_and_holm_decides_all_that_bonferroni_does():
    runs = pd.concat([several_methods(), several_methods().assign(**{"optimizer.lr": 0.7})])
    table = method_differences(runs)
    with_p = table[table["p_value"].notna()]
    assert ((with_p["p_value"] < 0.05) == (with_p["better"] != "undecided")).all()
    corrected = table[table["better_corrected"] != "undecided"]
    assert (corrected["better_holm"] == corrected["better_corrected"]).all()
    assert (table["better_holm"] != "undecided").sum() > len(corrected)
    for row in with_p[with_p["std"] > 0].head(10).itertuples():
        assert row.p_value == pytest.approx(2 * stats.t.sf(abs(row.mean) / (row.std / np.sqrt(row.n_pairs)), row.n_pairs - 1), rel=1e-9)
        power = stats.nct.sf(stats.t.ppf(0.975, row.n_pairs - 1), row.n_pairs - 1, row.detectable / row.std * np.sqrt(row.n_pairs))
        assert power == pytest.approx(0.8, abs=1e-4)


def test_pairs_that_share_networks_are_decided_by_what_their_interval_is_over():
    runs = runs_of(missing=0.0)
    runs = runs[runs["optimizer.lr"] == 0.2]
    table = method_differences(runs)
    assert table["detectable"].isna().all()
    with_p = table[table["ci_low"].notna()]
    assert len(with_p)
    assert ((with_p["p_value"] < 0.05) == (with_p["better"] != "undecided")).all()


def test_ties_are_better_for_neither_method():
    runs = runs_of(missing=0.0)
    runs = runs[runs["matching"] == "weights"]
    table = method_differences(pd.concat([runs, runs.assign(matching="same")]))
    measured = table[table["n_pairs"] > 1]
    assert (measured[["better", "better_corrected", "better_holm"]] == "undecided").all(axis=None)
    assert (measured["p_value"] == 1).all()
