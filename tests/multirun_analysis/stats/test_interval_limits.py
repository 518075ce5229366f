"""Intervals that their pairs or their settings do not allow, and their names."""

import pytest
from analysis_sweeps import four_records, make_record

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.report.report import write_report
from multirun_analysis.stats.interval_choice import IntervalChoice

FEW = "t cut at 0 over pairs (fewer than 20 pairs: no bootstrap), 95%"


@pytest.mark.usefixtures("no_figures")
def test_a_bootstrap_of_too_few_pairs_is_said_with_their_number_and_the_least_and_marked(write_sweep):
    report = write_report([write_sweep(four_records())], choice=IntervalChoice("bootstrap"))
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
    assert rows.loc[16, "interval"] == "log-scale t over pairs (fewer than 20 pairs: no bca), 95%"
    assert rows.loc[32, "interval"] == "log-scale delete-one-network jackknife, 95%"
    assert rows["resamples"].notna().tolist() == [True, False, False]


def test_the_default_interval_needs_no_note(write_sweep):
    assert not any("--interval" in note for note in write_report([write_sweep(four_records())], only=("runs",)).notes)
