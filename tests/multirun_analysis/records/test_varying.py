"""The keys that vary between jobs, and their values as tables hold them: numbers as numbers, and no two settings alike."""

import pandas as pd
import pytest
from analysis_sweeps import BASE, make_record

from multirun_analysis import load_runs
from multirun_analysis.output.csv_text import write_frame
from multirun_analysis.records.varying import key_column, setting_of, varying_keys

SEED = {"expression": "${seed}", "keys": ["seed"]}


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ([1, 2], [1, 2]),
        ([0.5, 1], [0.5, 1]),
        ([True, False], [True, False]),
        ([None, 100], ["-", 100]),
        ([True, None], [True, "-"]),
        ([True, 1], ["True", 1]),
        (["1", 1], ['"1"', 1]),
        (["-", None], ['"-"', "-"]),
        ([[1, 2], {"b": 1, "a": None}], ["[1, 2]", '{"a": null, "b": 1}']),
        ([float("nan"), float("inf"), float("-inf"), 1.0], ["<nan>", "<inf>", "<-inf>", 1.0]),
        ([None, float("nan"), "<nan>"], ["-", "<nan>", '"<nan>"']),
        (["relu", "tanh"], ["relu", "tanh"]),
    ],
)
def test_a_key_is_a_number_only_where_the_config_has_one(values, held):
    column = key_column(values)
    assert column == held
    assert list(map(type, column)) == list(map(type, held))


@pytest.mark.parametrize(
    "values",
    [
        [1, 0.5, 1e-5, 2**63, None], [True, False, None], ["relu", "1e5", "-", "true", "None", "[1]", "<nan>", None],
        [[1, "a"], {"b": None}, None], [float("inf"), float("-inf"), 1.0],
    ],
)  # fmt: skip
def test_a_setting_is_had_back_from_its_word(values):
    settings = [setting_of(str(word)) for word in key_column(values)]
    assert settings == values
    assert list(map(type, settings)) == list(map(type, values))
    assert setting_of("<nan>") != setting_of("<nan>")


def test_widths_truths_and_numbers_come_back_as_what_they_are(write_sweep, tmp_path):
    scopes = [
        {"width": w, "model.bias": b, "optimizer.lr": lr}
        for w, b, lr in ((8, True, 0.1), (16, False, 1e-5), (2**40, True, 0.30000000000000004))
    ]
    runs = load_runs(write_sweep([make_record(f"r{k}", **scope) for k, scope in enumerate(scopes)]))
    write_frame(runs, tmp_path / "runs.csv")
    back = pd.read_csv(tmp_path / "runs.csv")
    assert back["width"].tolist() == runs["width"].tolist()
    assert back["model.bias"].dtype == bool
    assert back["optimizer.lr"].tolist() == pytest.approx(runs["optimizer.lr"].tolist(), rel=1e-15)  # as pandas reads decimals


def varying(*scopes):
    """Return the keys that have a column, of jobs of which no config computes any key."""
    keys, following = varying_keys([BASE | scope for scope in scopes])
    assert following in ({}, {"dataset.fingerprint": "the dataset"})
    return keys


def test_keys_that_differ_vary_and_others_do_not():
    keys = varying({"optimizer.lr": 0.1, "training.epochs": 2}, {"optimizer.lr": 0.2, "training.epochs": 2})
    assert keys == ["optimizer.lr"]


def test_a_key_that_only_some_jobs_have_varies():
    assert varying({"optimizer": "sgd", "optimizer.momentum": 0.9}, {"optimizer": "adam"}) == [
        "optimizer",
        "optimizer.momentum",
    ]


def test_a_crossed_key_varies_beside_width_and_seed():
    rows = [{"width": w, "seed": s, "optimizer.lr": lr} for w in (8, 16) for s in (0, 1) for lr in (0.1, 0.2)]
    assert varying(*rows) == ["optimizer.lr"]


def test_the_fingerprint_varies_only_where_the_datasets_settings_do_not_tell():
    rows = [{"dataset": name, "seed": seed, "dataset.fingerprint": name * 2} for name in ("digits", "mnist") for seed in (0, 1)]
    assert varying(*rows) == []
    assert varying({"dataset.fingerprint": "x"}, {"dataset.fingerprint": "y"}) == ["dataset.fingerprint"]


def test_only_what_all_configs_compute_has_no_column():
    seeds = [BASE | {"width": w, "seed": s, "dataset.seed": s} for w in (8, 16) for s in (0, 1)]
    computed = [{"dataset.seed": SEED}] * 4
    assert varying_keys(seeds, computed) == ([], {"dataset.seed": "seed"})
    assert varying_keys(seeds) == (["dataset.seed"], {})  # earlier versions did not write it down
    assert varying_keys(seeds, [*computed[:3], {}])[0] == ["dataset.seed"]  # one was typed
    twice = {"expression": "${twice:${seed}}", "keys": ["seed"]}
    assert varying_keys(seeds, [*computed[:3], {"dataset.seed": twice}])[0] == ["dataset.seed"]
    outside = {"expression": "${points}", "keys": ["points"]}  # no setting that has a column
    assert varying_keys(seeds, [{"dataset.seed": outside}] * 4)[0] == ["dataset.seed"]


def test_what_is_computed_has_a_column_all_the_same_where_it_is_no_function():
    rows = [BASE | {"seed": 0, "dataset.seed": 0}, BASE | {"seed": 0, "dataset.seed": 1}]
    assert varying_keys(rows, [{"dataset.seed": SEED}] * 2)[0] == ["dataset.seed"]


@pytest.mark.parametrize("values", [[True, 1], [1, "1"], [None, "-"], [[1], "[1]"], ["a", "A"], ["", None], [0, False, None]])
def test_values_of_two_settings_are_two_keys(values):
    assert len(set(key_column(values))) == len(values)


def test_equal_numbers_are_one_setting():
    assert varying_keys([BASE | {"optimizer.lr": 1}, BASE | {"optimizer.lr": 1.0}]) == ([], {})
