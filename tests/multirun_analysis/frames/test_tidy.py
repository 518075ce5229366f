"""Absent values and the order of rows."""

import pandas as pd
import pytest
from analysis_sweeps import METHODS, REPAIRS, expect, make_record

from multirun_analysis import load_expected, load_runs
from multirun_analysis.frames.tidy import sortable


def test_absent_values_are_a_dash_and_their_rows_stay(write_sweep):
    runs = load_runs(write_sweep([make_record("a", **{"dataset.train_size": None}), make_record("b", **{"dataset.train_size": 100})]))
    assert set(runs["dataset.train_size"]) == {"-", 100}
    assert runs.groupby("dataset.train_size").size().sum() == len(runs)


def test_a_job_recorded_before_there_was_a_setting_is_one_at_its_default(write_sweep):
    key, old = "training.label_smoothing", make_record("a")
    assert key not in load_runs(write_sweep([old, make_record("b", **{key: 0.0})]))
    runs = load_runs(write_sweep([old, make_record("b", **{key: 0.1})]))
    assert dict(zip(runs["run_id"], runs[key], strict=True)) == {"a": 0.0, "b": 0.1}


def test_every_method_is_expected_under_every_repair(write_sweep):
    several, earlier = make_record("a", repairs=REPAIRS, networks=3), make_record("b", seed=1)
    rows = load_expected(write_sweep([several], [expect(several), expect(earlier)]))
    keys = list(zip(rows["run_id"], rows["matching"], rows["repair"], rows["n_pairs"], strict=True))
    assert sorted(keys) == sorted(
        [*(("a", method, repair, 3) for method in METHODS for repair in REPAIRS), *(("b", method, "none", 1) for method in METHODS)]
    )


def test_rows_are_sorted_by_value_and_not_by_text(write_sweep):
    runs = load_runs(write_sweep([make_record("a", width=128), make_record("b", width=16), make_record("c", width=8, seed=3)]))
    assert list(dict.fromkeys(runs["width"])) == [8, 16, 128]


@pytest.mark.parametrize("values", [[10, 9, "-"], ["-", 0.5, 0.25], ["b", "a", "-"]])
def test_mixed_columns_sort_numbers_first_by_value_then_words(values):
    column = pd.Series(values, dtype=object)
    order = list(column.iloc[sortable(column).argsort()])
    numbers, words = [v for v in values if not isinstance(v, str)], [v for v in values if isinstance(v, str)]
    assert order == sorted(numbers) + sorted(words)
