"""Intervals that their pairs or their settings do not allow, and their names."""

import re

import numpy as np
import pytest
from analysis_sweeps import four_records, make_record

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.checks import InputError
from multirun_analysis.report.report import write_report
from multirun_analysis.stats import resampling
from multirun_analysis.stats.interval_choice import IntervalChoice

FEW = "Student's t over pairs (fewer than 20 pairs: no bootstrap), 95%"


def test_a_bootstrap_of_too_few_pairs_is_said_with_their_number_and_the_least_and_marked(write_sweep):
    report = write_report([write_sweep(four_records())], brief=True, choice=IntervalChoice("bootstrap"))
    assert (
        "note: `--interval bootstrap`: 64 of 64 rows of barrier_vs_width.csv have none: at least 20 pairs are needed, and they have 2. "
        "Their own kind of interval stands in the column interval."
    ) in report.notes
    assert FEW in report.heading
    assert FEW in (report.folder / "report.html").read_text().replace("&#39;", "'")


def test_the_interval_of_every_row_is_what_it_says(write_sweep):
    many = [make_record(f"m{seed}", seed=seed, barrier=0.1 + 0.01 * seed) for seed in range(20)]
    few = [make_record(f"f{seed}", seed=seed, width=16, barrier=0.1 + 0.01 * seed) for seed in range(19)]
    shared = [make_record("s", width=32, networks=4)]
    runs = load_runs(write_sweep([*many, *few, *shared]))
    table = barrier_vs_width(runs, choice=IntervalChoice("bca", resamples=200))
    rows = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["matching"] == "weights")].set_index("width")
    assert rows.loc[8, "interval"] == "BCa bootstrap over pairs, 95%"
    assert rows.loc[16, "interval"] == "Student's t over pairs (fewer than 20 pairs: no bca), 95%"
    assert rows.loc[32, "interval"] == "delete-one-network jackknife, 95%"
    assert rows["resamples"].notna().tolist() == [True, False, False]


def test_students_interval_needs_no_note(write_sweep):
    assert not any("--interval" in note for note in write_report([write_sweep(four_records())], only=("runs",)).notes)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"level": 0.0}, "`--level` must lie between 0.01 and 0.999999, got 0.0."),
        ({"level": 1.0}, "`--level` must lie between 0.01 and 0.999999, got 1.0."),
        ({"level": float("nan")}, "`--level` must lie between 0.01 and 0.999999, got nan."),
        ({"level": 1 - 1e-15}, "`--level` must lie between 0.01 and 0.999999, got 0.999999999999999."),
        ({"level": 95.0}, "`--level` must lie between 0.01 and 0.999999, got 95.0."),
        ({"resamples": 10**9}, "`--resamples` must be an integer from 100 to 1,000,000, got 1000000000."),
        ({"resamples": 99}, "`--resamples` must be an integer from 100 to 1,000,000, got 99."),
        (
            {"kind": "bootstrap", "level": 0.9999, "resamples": 9999},
            "`--resamples` must be at least 20,000 for `--level` 0.9999, one beyond each end, got 9999.",
        ),
        ({"kind": "jackknife"}, "`--interval` must be one of t, bootstrap, bca, got 'jackknife'."),
    ],
)
def test_extremes_of_an_interval_are_refused_with_the_rule_and_the_value(choice, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        IntervalChoice(**choice)


@pytest.mark.parametrize(
    ("choice", "name"),
    [({"level": 0.999999}, "x, 99.9999%"), ({"level": 0.9999}, "x, 99.99%"), ({"level": 0.01}, "x, 1%"), ({}, "x, 95%"), ({"level": 0.9}, "x, 90%")],
)  # fmt: skip
def test_a_level_is_named_as_it_is(choice, name):
    assert IntervalChoice(**choice).named("x") == name


def test_many_resamples_are_drawn_in_parts_and_are_the_same(monkeypatch):
    values = 0.1 * np.arange(25.0) ** 2
    whole = resampling.bootstrap_mean(values, "bootstrap", 0.95, 999, 0)
    monkeypatch.setattr(resampling, "MOST_DRAWN", 25 * 10)
    assert resampling.bootstrap_mean(values, "bootstrap", 0.95, 999, 0) == whole
