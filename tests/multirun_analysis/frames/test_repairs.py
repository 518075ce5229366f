"""Repairs as keys: records of earlier versions have none, rows of two repairs are told apart, and a mean is over one of them."""

import copy

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import expect, make_record
from repaired_sweeps import MEND, repaired_record

from multirun_analysis import load_curves, load_runs, schema
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.tidy import expected_frame
from multirun_analysis.records.labels import repair_labels
from multirun_analysis.records.merging import merged
from multirun_analysis.records.packed import pack
from multirun_analysis.tables.barrier_vs_width import barrier_vs_width
from multirun_analysis.tables.pivots import pivot


def test_a_record_without_repairs_is_one_of_none(write_sweep):
    earlier, now = make_record("a"), make_record("a") | {"repair": [schema.NO_REPAIR]}
    for kind in ("runs", "curves"):
        now[kind] = [row | schema.WITHOUT_REPAIR for row in now[kind]]
    folders = [write_sweep([record], [expect(record)], name=name) for name, record in (("earlier", earlier), ("now", now))]
    for load in (load_runs, load_curves):
        pd.testing.assert_frame_equal(*map(load, folders))
    assert set(load_runs(folders[0])["repair"]) == {"none"}
    assert merged(pack(earlier), pack(now))[1] == []


def test_rows_of_two_repairs_are_told_apart_and_summarised_apart(write_sweep):
    records = [repaired_record(f"r{k}", seed=k, barrier=0.1 * (k + 1)) for k in range(3)]
    folder = write_sweep(records, [expect(record) | {"repair": record["repair"]} for record in records])
    runs, sweep = load_runs(folder), find_sweep(folder)
    assert runs.groupby(["run_id", "matching", "repair", "split"]).size().tolist() == [1] * len(runs)
    table = barrier_vs_width(runs, expected_frame(sweep))
    assert (table["n_expected"] == 3).all()
    means = table[(table["metric"] == "loss_barrier") & (table["split"] == "test")].set_index(["matching", "repair"])["mean"]
    assert means["weights", "mend"] == pytest.approx(means["weights", "none"] / 2) == pytest.approx(0.1)
    calibrated = table[(table["metric"] == "loss_barrier_calibrated") & (table["split"] == "test")].set_index(["matching", "repair"])[
        "mean"
    ]
    np.testing.assert_allclose(calibrated, means.loc[calibrated.index] / 3)
    assert [block.title.rpartition(", ")[2] for block in pivot(table, runs)] == ["repair=mend", "repair=none"]


def test_curves_have_what_was_measured_beside_the_loss(write_sweep):
    record = repaired_record("a")
    record["curves"][0] |= {"loss_calibrated": [0.1, None, 0.3], "loss_ensemble": [0.2, 0.2, 0.2]}
    curves = load_curves(write_sweep([record]))
    first = curves[(curves["matching"] == record["curves"][0]["matching"]) & (curves["repair"] == "none") & (curves["split"] == "train")]
    np.testing.assert_array_equal(first["loss_calibrated"], [0.1, np.nan, 0.3])
    assert first["error_ensemble"].isna().all()


def test_a_repair_added_in_another_folder_joins_the_job_and_other_rows_of_it_conflict():
    whole = repaired_record("a")
    plain = copy.deepcopy(whole)
    for kind in ("runs", "curves"):
        plain[kind] = [row for row in whole[kind] if row["repair"] == "none"]
    plain["repair"] = [schema.NO_REPAIR]
    record, sentences = merged(pack(plain), pack(whole))
    assert sentences == []
    assert sorted(record.rows["runs"].words.tolist()) == sorted(pack(whole).rows["runs"].words.tolist())
    assert [entry["repair"] for entry in record.head["repair"]] == ["none", "mend"]
    assert merged(pack(whole), pack(repaired_record("a", factor=0.7)))[1] == ["other runs for identity, weights"]


def test_rows_of_a_repair_that_the_record_does_not_name_make_it_unreadable(write_sweep):
    record = repaired_record("a") | {"repair": [schema.NO_REPAIR]}
    (sentence,) = find_sweep(write_sweep([record])).failures["sentence"]
    assert "rows of a repair that the record does not name" in sentence


def test_repairs_with_several_settings_have_these_in_their_labels():
    other = MEND | {"repair_hash": "other", "settings": {"examples": 8}}
    assert repair_labels([schema.NO_REPAIR, MEND]) == {("none", schema.NO_REPAIR["repair_hash"]): "none", ("mend", "mend1234"): "mend"}
    assert list(repair_labels([MEND, other]).values()) == ["mend[examples=7]", "mend[examples=8]"]
