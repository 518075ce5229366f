"""Tables of pairs read back: what is wrong in one is said with its column, its rule and its file."""

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import four_records
from published_analyses import publish, varied_records

from multirun_analysis import load_runs
from multirun_analysis.checks import InputError
from multirun_analysis.frames.published_tables import read_tables

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture
def folder(write_sweep, tmp_path):
    return publish(write_sweep, tmp_path / "published", four_records())


def test_measures_are_numbers_and_all_else_is_text_as_it_stood(write_sweep, tmp_path):
    published = publish(write_sweep, tmp_path / "published", varied_records()[:3])
    tables = read_tables(published)
    assert tables.varying == []
    assert set(tables.frames) == {"runs", "curves", "layers", "training_curves", "failures"}
    runs = tables.frames["runs"]
    assert (runs["width"].tolist(), runs["loss_barrier"].dtype) == (load_runs(published)["width"].astype(str).tolist(), np.float64)
    assert runs["points"].tolist() == [3.0] * len(runs)


@pytest.mark.parametrize(
    ("file", "change", "sentence"),
    [
        ("runs", lambda f: f.drop(columns="loss_a"), r"^'.*runs.csv' must have the column `loss_a`, and has not\."),
        ("runs", lambda f: f.rename(columns={"run_id": "run"}), r"must have the column `run_id`, and has not\. Did you mean 'run'\?"),
        ("runs", lambda f: f.assign(loss_c=1), r"^`loss_c` in '.*runs.csv' is no column of runs.csv that this version knows\. Did you mean"),
        ("runs", lambda f: f.assign(loss_a="a"), r"^`loss_a` in '.*runs.csv' must hold numbers, or nothing; in row 1 'a' stands"),
        ("runs", lambda f: f.assign(status="good"), r"^`status` in '.*runs.csv' must be ok or diverged, got 'good' in row 1\."),
        ("runs", lambda f: f.assign(split=["test"] * (len(f) - 1) + ["valid"]), r"^`split` in .* must be train or test, got 'valid' in row 16\."),
        ("runs", lambda f: f.assign(network_b=""), r"^`network_b` in '.*runs.csv' must be a name in every row, and is empty in row 1\."),
        ("runs", lambda f: pd.concat([f, f]), r"^no two rows of '.*runs.csv' may be equal in run_id, .*, split; row 17 repeats"),
        ("curves", lambda f: pd.concat([f, f]), r"^no two rows of '.*curves.csv' may be equal in run_id, .*, split, t; row 49 repeats"),
        ("curves", lambda f: f.replace({"matching": {"weights": "other"}}), r"^every row of '.*curves.csv' must have one in runs.csv .*; row 7 has none\."),
        ("curves", lambda f: f.assign(width=f["width"] + 1), r"^every row of '.*curves.csv' must have one in runs.csv .*; row 1 has none\."),
        ("layers", lambda f: f.assign(network_a=["x", *f["network_a"][1:]]), r"^every row of '.*layers.csv' must have one in runs.csv"),
        ("layers", lambda f: f.drop(columns="layer"), r"^'.*layers.csv' must have the column `layer`, and has not\."),
        ("failures", lambda f: f.drop(columns="job"), r"^'.*failures.csv' must have the column `job`, and has not\."),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_table_is_said(folder, file, change, sentence):
    path = folder / f"{file}.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(InputError, match=sentence):
        read_tables(folder)


def test_tables_of_two_sweeps_are_no_analysis(folder):
    frame = pd.read_csv(folder / "curves.csv")
    frame.insert(7, "optimizer.lr", 0.1)
    frame.to_csv(folder / "curves.csv", index=False)
    with pytest.raises(InputError, match=r"^the columns of '.*curves.csv' between seed and network_a must be those of runs.csv: none\."):
        read_tables(folder)
