"""The folder of a study: what is written, and what is said where nothing can be."""

import json

import pandas as pd
import pytest
from analysis_sweeps import four_records, make_record, write_record
from published_analyses import publish, varied_records

from multirun_analysis import studies
from multirun_analysis.checks import InputError
from multirun_analysis.studies import writing
from multirun_analysis.studies.writing import write_study


def test_a_table_that_cannot_be_made_is_said_before_anything_is_written(write_sweep, tmp_path, monkeypatch):
    study = studies.Study(tables={"fine": lambda frames: frames["runs"], "bad": lambda frames: frames["runs"][["nothing"]]})
    monkeypatch.setattr(studies, "choices", lambda: {"mine": study})
    with pytest.raises(InputError, match=r"^the study mine does not fit these sweeps: bad cannot be made from them \(KeyError: "):
        write_study("mine", [write_sweep(four_records())], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_figures")
def test_a_study_of_another_dataset_says_what_it_is_about(write_sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "choices", lambda: {"mine": studies.Study(dataset="mnist")})
    line = write_study("mine", [write_sweep(four_records())], tmp_path / "out")
    assert line.startswith("4 of 4 jobs; mine is about mnist, and says nothing about digits; tables")


@pytest.mark.usefixtures("no_figures")
def test_a_study_leaves_tables_figures_and_what_was_run(tmp_path, monkeypatch):
    record = make_record("aa") | {"networks": [{"name": "aa-0", "seconds": 40.0}, {"name": "aa-1", "seconds": 2.0}], "machine": {"a": 1}}
    write_record(tmp_path / "sweep" / "aa", record)
    study = studies.Study(tables={"count": lambda frames: pd.DataFrame({"rows": [len(frames["runs"])]})})
    monkeypatch.setattr(studies, "choices", lambda: {"mine": study})
    line = write_study("mine", [tmp_path / "sweep"], tmp_path / "out")
    assert line == f"1 of 1 jobs; tables and figures of mine: {tmp_path / 'out'}"
    assert pd.read_csv(tmp_path / "out" / "count.csv")["rows"].tolist() == [4]
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert provenance["seconds"]["training"] == 42
    assert provenance["settings"]["width"] == 8
    assert {"runs.csv", "layers.csv", "curves.csv"} <= {path.name for path in (tmp_path / "out").iterdir()}


@pytest.mark.usefixtures("no_figures")
def test_the_study_of_a_study_is_the_same_bytes_in_its_own_folder_too(write_sweep, tmp_path, monkeypatch):
    tables = {"rows": lambda frames: frames["runs"][["run_id", "matching", "loss_barrier"]]}
    monkeypatch.setattr(studies, "choices", lambda: {"mine": studies.Study(needs=("width",), may=None, tables=tables)})
    monkeypatch.setattr(writing, "LARGE", 1000)  # some tables of this sweep are compressed, some are not
    first = tmp_path / "first"
    line = write_study("mine", [write_sweep(varied_records())], first)
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    assert {"runs.csv.gz", "failures.csv", "rows.csv", "provenance.json"} <= before.keys()
    for out in (tmp_path / "second", first):
        assert write_study("mine", [first], out) == line.replace(str(first), str(out))
        after = {path.name: path.read_bytes() for path in out.iterdir()}
        assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} <= {"report.html"}


@pytest.mark.usefixtures("no_figures")
def test_a_study_is_not_made_of_tables_that_do_not_say_what_was_run(write_sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "choices", lambda: {"mine": studies.Study()})
    folder = publish(write_sweep, tmp_path / "published", four_records())
    (folder / "provenance.json").unlink()
    with pytest.raises(InputError, match="^`--study` needs provenance.json beside the tables of an analysis"):
        write_study("mine", [folder], tmp_path / "out")
    assert not (tmp_path / "out").exists()
