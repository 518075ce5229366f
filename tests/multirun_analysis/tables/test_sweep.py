"""The tables of a sweep by name: some of them are those of all of them."""

import pandas as pd
import pytest
from analysis_sweeps import four_records, with_training, write_record

from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.schema import files
from multirun_analysis.tables.names import TABLES
from multirun_analysis.tables.sweep import sweep_frames


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    for record in four_records():
        write_record(folder / record["run_id"], with_training(record))
    return find_sweep(folder)


@pytest.fixture(scope="module")
def frames(sweep):
    return sweep_frames(sweep)


def test_there_is_a_table_for_every_csv_of_the_analysis(frames):
    assert list(frames) == list(TABLES)
    assert {f"{name}.csv" for name in TABLES} == set(files()) - {"plane.csv"}  # which a job writes


@pytest.mark.parametrize("name", TABLES)
def test_a_table_alone_is_that_among_all(sweep, frames, name):
    (table,) = sweep_frames(sweep, [name]).values()
    pd.testing.assert_frame_equal(table, frames[name], check_exact=True)


def test_none_is_none(sweep):
    assert sweep_frames(sweep, []) == {}
