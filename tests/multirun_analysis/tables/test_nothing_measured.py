"""A sweep of which every job failed: its table has what was asked for, and whole numbers are whole."""

import pandas as pd
from analysis_sweeps import expect, make_record

from multirun_analysis.frames.discovery import load_expected, load_runs
from multirun_analysis.report.report import write_report
from multirun_analysis.tables.barrier_vs_width import barrier_vs_width

JOBS = [make_record(f"r{depth}{width}", width=width, depth=depth) for depth in (1, 2) for width in (8, 16)]


def failed(record):
    return {key: record[key] for key in ("schema_version", "run_id", "scope")} | {"status": "failed", "sentence": "it failed."}


def test_depth_and_width_are_the_numbers_that_were_asked_for(write_sweep):
    folder = write_sweep([failed(record) for record in JOBS], [expect(record) for record in JOBS])
    report = write_report([folder], brief=True)
    assert "model=mlp, depth=1\n" in report.text
    assert "1.0" not in report.text
    assert [row[0] for block in report.blocks for row in block.rows] == ["8", "16"] * 2
    csv = (folder / "analysis/barrier_vs_width.csv").read_text().splitlines()
    columns = csv[0].split(",")
    assert {tuple(line.split(",")[columns.index(key)] for key in ("depth", "width")) for line in csv[1:]} == {
        (depth, width) for depth in "12" for width in ("8", "16")
    }


def test_kinds_of_keys_are_those_of_a_table_with_results(write_sweep):
    empty = write_sweep([failed(record) for record in JOBS], [expect(record) for record in JOBS], "empty")
    full = write_sweep(JOBS, [expect(record) for record in JOBS], "full")
    tables = [barrier_vs_width(load_runs(folder), load_expected(folder)) for folder in (empty, full)]
    keys = ["dataset", "model", "depth", "matching", "width"]
    pd.testing.assert_series_equal(tables[0][keys].dtypes, tables[1][keys].dtypes)
