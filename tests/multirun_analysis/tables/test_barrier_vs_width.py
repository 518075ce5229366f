"""The barrier-versus-width table: its columns, its cells, what was expected and not found."""

import numpy as np
import pandas as pd
from analysis_sweeps import REPAIRS, expect, make_record, with_blocks

from multirun_analysis import barrier_vs_width, load_blocks, load_expected, load_runs, schema
from multirun_analysis.tables.barrier_vs_width import METRICS, with_two_way
from multirun_analysis.tables.pivots import pivot, pivot_text


def cell(table, **keys):
    rows = table
    for key, value in keys.items():
        rows = rows[rows[key] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_columns_are_those_of_the_schema_with_varying_keys_among_them(write_sweep):
    records = [make_record(f"r{seed}{lr}", seed=seed, **{"optimizer.lr": lr}) for seed in (0, 1) for lr in (0.1, 0.2)]
    table = barrier_vs_width(load_runs(write_sweep(records)))
    assert list(table.columns) == ["dataset", "model", "depth", "optimizer.lr", *schema.names(schema.BARRIER_TAIL)]
    assert len(table) == 2 * 2 * 2 * len(METRICS)  # learning rates, methods, splits


def test_every_cell_holds_the_statistics_of_its_pairs(write_sweep):
    heights = {0: 0.1, 1: 0.3, 2: 0.2}
    records = [
        make_record(f"r{seed}{width}", seed=seed, width=width, barrier=h / width) for seed, h in heights.items() for width in (8, 16)
    ]
    table = barrier_vs_width(load_runs(write_sweep(records)))
    row = cell(table, matching="weights", split="test", metric="loss_barrier", width=16)
    np.testing.assert_allclose([row["mean"], row["std"]], [np.mean([0.1, 0.3, 0.2]) / 16, np.std([0.1, 0.3, 0.2], ddof=1) / 16], rtol=1e-12)
    assert (row["n_expected"], row["n_pairs"], row["n_networks"]) == (3, 3, 6)
    np.testing.assert_allclose(cell(table, matching="identity", split="train", metric="loss_endpoint", width=8)["mean"], 0.3)


def test_diverged_and_missing_jobs_count_as_expected_and_in_no_statistic(write_sweep):
    good, gone = make_record("good", barrier=0.1), make_record("gone", seed=1)
    diverged = make_record("diverged", seed=2, barrier=9.0, status="diverged")
    empty = make_record("empty", width=512)
    folder = write_sweep([good, diverged], [expect(record) for record in (good, gone, diverged, empty)])
    table = barrier_vs_width(load_runs(folder), load_expected(folder))
    row = cell(table, matching="weights", split="test", metric="loss_barrier", width=8)
    assert (row["n_expected"], row["n_pairs"]) == (3, 1)
    np.testing.assert_allclose(row["mean"], 0.1)
    row = cell(table, matching="weights", split="test", metric="loss_barrier", width=512)
    assert (row["n_expected"], row["n_pairs"], row["interval"]) == (1, 0, "none: no pair")
    assert np.isnan(row["mean"])
    assert cell(barrier_vs_width(load_runs(folder)), matching="weights", split="test", metric="loss_barrier", width=8)["n_expected"] == 2


def test_every_method_and_repair_has_its_own_statistics_and_its_own_expected_pairs(write_sweep):
    records = [make_record(f"r{k}", seed=k, barrier=0.1 * (k + 1), repairs=REPAIRS) for k in range(3)]
    earlier, gone = make_record("earlier", seed=3, barrier=0.4), make_record("gone", seed=4, repairs=REPAIRS)
    folder = write_sweep([*records, earlier], [expect(record) for record in (*records, earlier, gone)])
    table = barrier_vs_width(load_runs(folder), load_expected(folder))
    for method, scale in (("identity", 10), ("weights", 1)):
        for repair, (n_expected, values) in {"none": (5, [0.1, 0.2, 0.3, 0.4]), "reset": (4, [0.05, 0.1, 0.15])}.items():
            row = cell(table, matching=method, repair=repair, split="test", metric="loss_barrier")
            assert (row["n_expected"], row["n_pairs"]) == (n_expected, len(values))
            np.testing.assert_allclose([row["mean"], row["std"]], [scale * np.mean(values), scale * np.std(values, ddof=1)])
            ends = cell(table, matching=method, repair=repair, split="test", metric="loss_endpoint")
            assert (ends["n_networks"], ends["n_pairs"]) == (2 * len(values), len(values))


def test_controls_have_rows_where_any_run_has_them(write_sweep):
    records = [make_record(f"r{k}", seed=k, repairs=REPAIRS) for k in range(2)]
    assert set(barrier_vs_width(load_runs(write_sweep(records, name="without")))["metric"]) == set(METRICS)
    for row in records[0]["runs"]:
        row |= {"loss_ensemble": 0.25} | ({"temperature_midpoint": 2.0} if row["split"] == "test" else {})
    table = barrier_vs_width(load_runs(write_sweep(records, name="with")))
    assert set(table["metric"]) == {*METRICS, "loss_ensemble", "temperature_midpoint"}
    row = cell(table, matching="weights", repair="reset", split="test", metric="loss_ensemble")
    assert (row["n_expected"], row["n_pairs"], row["mean"]) == (2, 1, 0.25)
    assert cell(table, matching="weights", repair="reset", split="train", metric="temperature_midpoint")["n_pairs"] == 0


def test_a_job_that_nobody_expected_counts_as_expected(write_sweep):
    expected, measured = make_record("asked"), make_record("found", seed=1)
    folder = write_sweep([expected, measured], [expect(expected)])
    table = barrier_vs_width(load_runs(folder), load_expected(folder))
    row = cell(table, matching="weights", split="test", metric="loss_barrier", width=8)
    assert (row["n_expected"], row["n_pairs"]) == (2, 2)


def test_absent_values_keep_their_cells(write_sweep):
    records = [
        make_record(f"r{k}{seed}", seed=seed, **{"dataset.train_size": size}) for k, size in enumerate((None, 100)) for seed in (0, 1)
    ]
    table = barrier_vs_width(load_runs(write_sweep(records)))
    assert set(table["dataset.train_size"]) == {"-", 100}
    assert set(table["n_pairs"]) == {2}


def test_an_absent_value_of_a_job_that_is_not_there_keeps_its_cell(write_sweep):
    record = make_record("found", **{"optimizer": "sgd", "optimizer.momentum": 0.9})
    gone = make_record("gone", **{"optimizer": "adam"})
    folder = write_sweep([record], [expect(record), expect(gone)])
    table = barrier_vs_width(load_runs(folder), load_expected(folder))
    row = cell(table, optimizer="adam", matching="weights", split="test", metric="loss_barrier")
    assert (row["optimizer.momentum"], row["n_expected"], row["n_pairs"]) == ("-", 1, 0)
    assert cell(table, optimizer="sgd", matching="weights", split="test", metric="loss_barrier")["n_pairs"] == 1


def test_the_text_shows_a_row_per_width_with_end_points_and_counts(write_sweep):
    records = [make_record(f"r{seed}{width}", seed=seed, width=width, barrier=0.1 * (seed + 1)) for seed in (0, 1) for width in (8, 128)]
    runs = load_runs(write_sweep(records))
    lines = pivot_text(pivot(barrier_vs_width(runs), runs)).splitlines()
    assert lines[0] == "dataset=digits, model=mlp, depth=1"
    assert lines[1].split() == ["width", "pairs", "error", "at", "ends", "identity", "weights"]
    half = 12.706204736 * 0.1 / np.sqrt(2) / np.sqrt(2)  # t quantile of one degree of freedom, sd of (0.1, 0.2), n = 2
    assert lines[2].split() == ["8", "2/2", "0.0300", "1.5000", "[0,", f"{1.5 + 10 * half:.4f}]", "0.1500", "[0,", f"{0.15 + half:.4f}]"]
    assert lines[3].split()[0] == "128"


def test_every_metric_can_be_shown(write_sweep):
    runs = load_runs(write_sweep([make_record("a")]))
    table = barrier_vs_width(runs)
    others = {"loss_endpoint": 0.3, "error_endpoint": 0.03, "loss_midpoint": 0.4, "error_midpoint": 0.04}
    for metric in METRICS:
        (block,) = pivot(table, runs, metric=metric)
        expected = others.get(metric, 0.1 if "loss" in metric else 0.01)
        np.testing.assert_allclose(block.rows[0][-1][-1].mean, expected, rtol=1e-12, err_msg=metric)


def test_intervals_over_pairs_and_test_examples_stand_beside_those_over_pairs_and_in_their_place_in_what_people_read(write_sweep):
    plain = [
        make_record(f"r{seed}{width}", seed=seed, width=width, barrier=0.1 * (seed + 3) / width) for seed in range(3) for width in (8, 16)
    ]
    folder = write_sweep([with_blocks(record, most=4.0) if record["scope"]["width"] == 8 else record for record in plain])
    runs, blocks = load_runs(folder), load_blocks(folder)
    pairs, both = barrier_vs_width(runs), barrier_vs_width(runs, blocks=blocks)
    columns = schema.names(schema.TWO_WAY)
    assert pairs[columns[:2]].isna().all(axis=None)
    assert set(pairs[columns[2]]) == {""}
    for frame, same in ((pairs, both.drop(columns=columns)), (barrier_vs_width(runs.iloc[::-1], blocks=blocks), both)):
        pd.testing.assert_frame_equal(frame[same.columns], same, rtol=1e-12)
    keys = {"matching": "weights", "split": "test", "metric": "loss_barrier"}
    row = cell(both, width=8, **keys)
    assert row["ci_low_two_way"] < row["ci_low"] < row["mean"] < row["ci_high"] < row["ci_high_two_way"]
    assert cell(both, width=8, **{**keys, "metric": "loss_midpoint"})["interval_two_way"] == ""
    shown = with_two_way(both)
    assert cell(shown, width=8, **keys)["interval"] == "log-scale t over pairs and test examples, 95%"
    assert cell(shown, width=16, **keys)["interval"] == "log-scale t over pairs, 95%"
    (block,) = pivot(both, runs)
    assert [values[1].ends for *_, values in block.rows] == [
        tuple(cell(shown, width=width, **keys)[["ci_low", "ci_high"]]) for width in (8, 16)
    ]
