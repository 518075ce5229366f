"""The mean barrier beside the mean time to match."""

import numpy as np
from analysis_sweeps import REPAIRS, make_record

from multirun_analysis import barrier_vs_width, load_runs
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.stats.positive import log_t
from multirun_analysis.tables.barrier_against_seconds import barrier_against_seconds


def runs_of(write_sweep, repairs):
    """Return runs of four pairs at each of two widths, which took 1, 2, 4 and 8 s to match at width 8, and twice that at width 16."""
    records = []
    for width in (8, 16):
        for seed in range(4):
            record = make_record(f"r{width}{seed}", width=width, seed=seed, barrier=0.1 * (seed + 1), repairs=repairs)
            for row in record["runs"]:
                row["seconds_match"] = width / 8 * 2.0**seed
            records.append(record)
    return load_runs(write_sweep(records))


def test_a_time_is_the_mean_over_pairs_whatever_the_repairs(write_sweep):
    runs = runs_of(write_sweep, REPAIRS)
    choice = IntervalChoice(level=0.9)
    table = barrier_against_seconds(runs, barrier_vs_width(runs, choice=choice))
    assert len(table) == 2 * 2 * 2
    for row in table.to_dict("records"):
        seconds = row["width"] / 8 * 2.0 ** np.arange(4)
        low, high = log_t(seconds, 0.9)
        np.testing.assert_allclose([row[key] for key in ("seconds", "seconds_low", "seconds_high")], [seconds.mean(), low, high])
        height = {"identity": 10, "weights": 1}[row["matching"]] * {"none": 1, "reset": 0.5}[row["repair"]]
        np.testing.assert_allclose(row["mean"], 0.25 * height)


def test_a_sweep_without_times_has_the_columns_and_no_row(write_sweep):
    runs = runs_of(write_sweep, None)
    whole = barrier_against_seconds(runs, barrier_vs_width(runs))
    empty = barrier_against_seconds(runs.assign(seconds_match=np.nan), barrier_vs_width(runs))
    assert empty.empty
    assert list(empty.columns) == list(whole.columns)
