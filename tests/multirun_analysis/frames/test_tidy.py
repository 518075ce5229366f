"""Varying keys, labels and the order of rows."""

import pandas as pd
import pytest
from analysis_sweeps import make_record

from multirun_analysis import load_runs
from multirun_analysis.frames.tidy import matching_labels, sortable
from multirun_analysis.records.varying import varying_keys as keys_of


def varying_keys(rows, computed=()):
    return keys_of(rows, computed)[0]


def scopes(*rows):
    return [{"dataset": "digits", "model": "mlp", "width": 8, "depth": 1, "seed": 0} | row for row in rows]


def test_keys_that_differ_vary_and_others_do_not():
    keys = varying_keys(scopes({"optimizer.lr": 0.1, "training.epochs": 2}, {"optimizer.lr": 0.2, "training.epochs": 2}))
    assert keys == ["optimizer.lr"]


def test_a_key_that_only_some_jobs_have_varies():
    assert varying_keys(scopes({"optimizer": "sgd", "optimizer.momentum": 0.9}, {"optimizer": "adam"})) == [
        "optimizer",
        "optimizer.momentum",
    ]


def test_a_crossed_key_varies_beside_width_and_seed():
    rows = [{"width": w, "seed": s, "optimizer.lr": lr} for w in (8, 16) for s in (0, 1) for lr in (0.1, 0.2)]
    assert varying_keys(scopes(*rows)) == ["optimizer.lr"]


def test_the_fingerprint_varies_only_where_the_datasets_settings_do_not_tell():
    rows = [{"dataset": name, "seed": seed, "dataset.fingerprint": name * 2} for name in ("digits", "mnist") for seed in (0, 1)]
    assert varying_keys(scopes(*rows)) == []
    assert varying_keys(scopes({"dataset.fingerprint": "x"}, {"dataset.fingerprint": "y"})) == ["dataset.fingerprint"]


def test_absent_values_are_a_dash_and_their_rows_stay(write_sweep):
    runs = load_runs(write_sweep([make_record("a", **{"dataset.train_size": None}), make_record("b", **{"dataset.train_size": 100})]))
    assert set(runs["dataset.train_size"]) == {"-", 100}
    assert runs.groupby("dataset.train_size").size().sum() == len(runs)


def test_labels_name_the_settings_that_differ_and_only_where_they_do():
    entries = [
        {"matching": "weights", "settings_hash": "1", "settings": {"biases": False, "transport": "emd"}},
        {"matching": "weights", "settings_hash": "2", "settings": {"biases": True, "transport": "emd"}},
        {"matching": "identity", "settings_hash": "3", "settings": {}},
    ]
    assert matching_labels(entries) == {
        ("weights", "1"): "weights[biases=false]",
        ("weights", "2"): "weights[biases=true]",
        ("identity", "3"): "identity",
    }


def test_rows_are_sorted_by_value_and_not_by_text(write_sweep):
    runs = load_runs(write_sweep([make_record("a", width=128), make_record("b", width=16), make_record("c", width=8, seed=3)]))
    assert list(dict.fromkeys(runs["width"])) == [8, 16, 128]


@pytest.mark.parametrize("values", [[10, 9, "-"], ["-", 0.5, 0.25], ["b", "a", "-"]])
def test_mixed_columns_sort_numbers_first_by_value_then_words(values):
    column = pd.Series(values, dtype=object)
    order = list(column.iloc[sortable(column).argsort()])
    numbers, words = [v for v in values if not isinstance(v, str)], [v for v in values if isinstance(v, str)]
    assert order == sorted(numbers) + sorted(words)
