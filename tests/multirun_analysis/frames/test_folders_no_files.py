"""Pipes, devices, folders and links in place of files: nothing waits for them, nothing reads them to the end, each is said."""

import json

import pytest
from analysis_sweeps import expect, make_record
from odd_files import KINDS, put

from multirun_analysis.frames import discovery
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.planes import find_planes, load_planes
from multirun_analysis.records.commands import load_commands
from multirun_analysis.report.report import write_report

pytestmark = pytest.mark.usefixtures("a_hang_is_a_failure")
READ = ("bad/record.json", "expected.jsonl", "commands.jsonl", "multirun.yaml", "bad/plane.csv", "plane.csv", "analysis/records.index")


@pytest.fixture
def folder(write_sweep, monkeypatch):
    monkeypatch.setattr(discovery, "MANY", 1)  # an index is looked for
    records = [make_record("good"), make_record("bad", seed=1)]
    sweep = write_sweep(records, [expect(record) for record in records])
    (sweep / "analysis").mkdir()
    return sweep


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READ)
def test_what_is_no_file_is_neither_waited_for_nor_read_and_is_said(folder, name, kind):
    put(kind, folder / name)
    sweep = find_sweep(folder)
    assert "good" in {record["run_id"] for record in sweep.records}
    assert "unreadable" in sweep.failures["status"].tolist()
    assert any(str(folder / name) in sentence for sentence in sweep.failures["sentence"])
    find_planes(sweep, folder)
    load_commands([folder])


@pytest.mark.parametrize("name", READ)
def test_the_report_says_it_too(folder, name):
    put("pipe", folder / name)
    report = write_report([folder], only=["failures"])
    assert str(folder / name) in report.text
    assert str(folder / name) in (report.folder / "failures.csv").read_text()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_a_jobs_folder_that_is_none_costs_no_other(folder, kind):
    put(kind, folder / "bad")
    sweep = find_sweep(folder)
    assert [record["run_id"] for record in sweep.records] == ["good"]
    assert sweep.failures["run_id"].tolist() == ["bad"]
    assert sweep.failures["status"].tolist() == ["unreadable"]
    assert str(folder / "bad") in sweep.failures["sentence"][0]


def test_a_folder_that_leads_back_to_the_sweep_counts_nothing_twice(folder):
    (folder / "again").symlink_to(".")
    (folder / "twin").symlink_to("good")
    sweep = find_sweep(folder)
    assert len(sweep.records) == 2
    assert sweep.failures.empty


def test_a_pipe_beside_a_plane_is_not_read_for_its_job(folder):
    put("pipe", folder / "bad" / "record.json")
    (folder / "bad" / "plane.csv").write_text("x\n")
    assert len(load_planes(folder)) == 0


@pytest.mark.parametrize(
    ("name", "size"), [("bad/record.json", 2**32), ("expected.jsonl", 2**32), ("commands.jsonl", 2**32), ("analysis/records.index", 2**40)]
)
def test_a_file_beyond_its_bound_is_not_read(folder, name, size):
    path = folder / name
    with path.open("wb") as stream:
        stream.truncate(size)  # takes no room on the disk
    sweep = find_sweep(folder)
    load_commands([folder])
    assert "good" in {record["run_id"] for record in sweep.records}
    if name in ("bad/record.json", "expected.jsonl"):
        assert f"it has {size:,} bytes, and at most " in sweep.failures["sentence"][0]


def test_a_thousand_lines_that_cannot_be_read_are_a_hundred_rows_and_their_number(folder):
    with (folder / "expected.jsonl").open("a") as stream:
        stream.write("{\n" * 1000)
    sentences = find_sweep(folder).failures["sentence"].tolist()
    assert len(sentences) == 101
    assert any(f"{folder / 'expected.jsonl'}: 900 more lines cannot be read" in sentence for sentence in sentences)


def test_a_job_alone_may_have_a_pipe_beside_it(folder):
    put("pipe", folder / "good" / "plane.csv")
    sweep = find_sweep(folder / "good")
    assert len(sweep.records) == 1
    assert json.dumps(str(folder / "good" / "plane.csv"))[1:-1] in sweep.failures["sentence"][0]
