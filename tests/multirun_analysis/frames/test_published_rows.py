"""Rows of tables as rows of records: of every job its own, in any order of the file."""

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import four_records, with_training
from published_analyses import publish, with_two_settings

from multirun_analysis.frames.published_rows import method_of_label, repair_of_label, rows_of_jobs
from multirun_analysis.frames.published_tables import read_tables
from multirun_analysis.records.labels import matching_labels, repair_labels
from multirun_analysis.records.packed import CURVES, LAYOUTS, pack


@pytest.mark.usefixtures("no_figures")
def test_every_job_has_its_own_rows_whatever_the_order_of_the_file(write_sweep, tmp_path):
    records = [with_training(with_two_settings(record)) for record in four_records()]
    frames = read_tables(publish(write_sweep, tmp_path / "published", records)).frames
    run_ids = [record["run_id"] for record in records]
    shuffled = np.random.default_rng(0).permutation
    for layout in LAYOUTS:
        frame = frames[layout.name]
        rows = rows_of_jobs(frame, layout, run_ids)
        assert list(rows) == run_ids
        mixed = frame.iloc[shuffled(len(frame))].reset_index(drop=True)
        for record in records:
            own = pack(record).rows[layout.name]
            for table in (rows, rows_of_jobs(mixed, layout, run_ids)):
                assert table[record["run_id"]].words.shape == own.words.shape
                assert np.bincount(table[record["run_id"]].lengths).tolist() == np.bincount(own.lengths).tolist()
                values, expected = table[record["run_id"]].numbers, own.numbers
                np.testing.assert_allclose(values[np.lexsort(values.T)], expected[np.lexsort(expected.T)], rtol=1e-9)


def test_of_no_table_every_job_has_no_row():
    rows = rows_of_jobs(pd.DataFrame(columns=["run_id", "network_a", "network_b", "matching", "repair", "split"]), CURVES, ["a", "b"])
    assert [(len(part.words), len(part.lengths), part.numbers.shape) for part in rows.values()] == [
        (0, 0, (0, len(CURVES.all_numbers)))
    ] * 2


@pytest.mark.parametrize("label", ["weights", "weights[biases=true]", '"1e5"', '"[x]"', "mine[3f2a]"])
def test_a_label_is_that_of_the_name_it_is_taken_apart_into(label):
    name, settings_hash = method_of_label(label)
    assert matching_labels([{"matching": name, "settings_hash": settings_hash, "settings": {}}]) == {(name, settings_hash): label}
    for repair in (label, "none"):
        name, settings_hash = repair_of_label(repair)
        assert repair_labels([{"repair": name, "repair_hash": settings_hash, "settings": {}}]) == {(name, settings_hash): repair}
