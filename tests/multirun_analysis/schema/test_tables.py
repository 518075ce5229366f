"""The columns of every CSV of a sweep."""

import pandas as pd
from analysis_sweeps import REPAIRS, four_records, in_both_directions, make_record, repaired, with_training

from multirun_analysis import schema
from multirun_analysis.report.report import write_report
from multirun_analysis.schema.tables import files
from multirun_analysis.tables.names import TABLES


def test_every_csv_has_the_columns_of_its_schema_and_comes_back_with_their_types(write_sweep):
    records = [with_training(in_both_directions(repaired(record, REPAIRS))) for record in four_records()]
    sweep = write_sweep([*records, make_record("far", width=32, seed=2, **{"optimizer.lr": 0.2})])
    folder = write_report([sweep], only=TABLES).folder
    for name, (_, columns) in files().items():
        if name == "plane.csv":  # a job writes it, not the analysis: test_planes.py
            continue
        frame = pd.read_csv(folder / name)
        varying = [] if name == "failures.csv" else ["optimizer.lr"]
        assert [column for column in frame.columns if column not in varying] == schema.names(columns), name
        for column in columns:
            if column.kind == "integer":
                assert (frame[column.name].dropna() % 1 == 0).all(), (name, column.name)
            elif column.kind == "number":
                assert pd.api.types.is_numeric_dtype(frame[column.name]), (name, column.name)


def test_no_table_has_a_column_twice_and_all_but_that_of_jobs_begin_with_their_keys():
    for name, (row, columns) in files().items():
        names = schema.names(columns)
        assert len(set(names)) == len(names), name
        assert row
        if name not in ("plane.csv", "failures.csv"):
            assert [key for key in names if key in schema.CELL] == list(schema.CELL), name


def test_the_statistics_of_every_table_that_has_some_are_the_same_and_stand_together():
    for name in (
        "barrier_vs_width.csv",
        "method_differences.csv",
        "repair_differences.csv",
        "direction_differences.csv",
        "matching_costs.csv",
    ):
        names = schema.names(files()[name][1])
        first = names.index(schema.STATISTICS[0])
        assert names[first : first + len(schema.STATISTICS)] == schema.STATISTICS, name
