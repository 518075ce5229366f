"""The list of a sweep's jobs: by their keys, in the order of the sweep, each with what has become of it."""

import re

import pytest
from analysis_sweeps import expect, make_record
from published_analyses import publish

from lmc_sweeps.cli import main
from multirun_analysis.report.listing import ALONE, listing


def rows(text):
    """Return the lines of jobs, each as its columns."""
    lines = text.split("\n\n")[0].splitlines()
    assert lines[0].split() == ["status", "job", "folder"]
    return [re.split(r"  +", line) for line in lines[1:]]


@pytest.fixture
def folder(write_sweep):
    records = [make_record("r0", seed=0), make_record("r1", seed=1, status="diverged"), make_record("r2", seed=2)]
    lost = make_record("r3", seed=3)
    expected = [expect(record) | {"job": f"width=8 seed={record['scope']['seed']}"} for record in (lost, *reversed(records))]
    return write_sweep(records, expected)


def test_a_job_has_its_keys_its_status_and_its_folder_in_the_order_of_the_sweep(folder):
    text = listing([folder])
    assert rows(text) == [
        ["missing", "width=8 seed=3", "r3"],
        ["ok", "width=8 seed=2", "r2"],
        ["diverged", "width=8 seed=1", "r1"],
        ["ok", "width=8 seed=0", "r0"],
    ]
    assert text.endswith("\n\n4 jobs: 1 missing, 2 ok, 1 diverged")


def test_a_job_that_no_sweep_expects_is_told_by_its_settings(write_sweep):
    (row,) = rows(listing([write_sweep([make_record("r7", width=16, seed=4)])]))
    assert row == ["ok", "width=16 depth=1 seed=4", "r7"]


def test_a_job_of_defaults_says_so(write_sweep):
    record = make_record("r7")
    (row,) = rows(listing([write_sweep([record], [expect(record) | {"job": ""}])]))
    assert row == ["ok", ALONE, "r7"]


def test_tables_without_records_have_the_jobs_that_they_name_and_no_others(write_sweep, tmp_path):
    records = [make_record("r0", seed=0), make_record("r1", seed=1)]
    published = publish(write_sweep, tmp_path / "published", records, missing=1)
    text = listing([published])
    assert rows(text) == [["ok", "width=8 depth=1 seed=0", "r0"], ["missing", ALONE, "r1"]]


def test_nothing_that_was_typed_reaches_the_terminal_as_a_command(write_sweep):
    record = make_record("r7")
    text = listing([write_sweep([record], [expect(record) | {"job": "model=\x1b[31m本"}])])
    assert "\x1b" not in text
    assert "本  r7" in text


def test_the_command_shows_it(folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["lmc-sweeps", "ls", str(folder)])
    main()
    assert capsys.readouterr().out == listing([folder]) + "\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [([], "takes the folder of a sweep"), (["--all"], "takes the folder of a sweep"), (["none"], "there is no folder 'none'")],
)
def test_a_mistake_is_one_sentence(words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lmc-sweeps", "ls", *words])
    with pytest.raises(SystemExit, match=sentence):
        main()
