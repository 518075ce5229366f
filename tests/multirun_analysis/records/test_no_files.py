"""Pipes, devices, folders and links in place of files: nothing waits for them, nothing reads them to the end, each is said."""

import json
import os
import shutil
import signal

import pytest
from analysis_sweeps import expect, make_record

from multirun_analysis.frames import discovery
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.planes import find_planes, load_planes
from multirun_analysis.records.commands import load_commands
from multirun_analysis.report.report import write_report

LIMIT = 20  # s, for what takes a fraction of one
READ = ("bad/record.json", "expected.jsonl", "commands.jsonl", "multirun.yaml", "bad/plane.csv", "plane.csv", "analysis/records.index")


@pytest.fixture(autouse=True)
def _a_hang_is_a_failure():
    def stop(*_):
        raise AssertionError(f"waited {LIMIT} s for a file that is none")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def endless(path):
    path.symlink_to("/dev/zero")


def circle(path):
    path.symlink_to(path.name)


def nothing(path):
    path.symlink_to("nowhere")


KINDS = {"pipe": os.mkfifo, "device": endless, "folder": os.mkdir, "circle": circle, "link to nothing": nothing}


@pytest.fixture
def folder(write_sweep, monkeypatch):
    monkeypatch.setattr(discovery, "MANY", 1)  # an index is looked for
    records = [make_record("good"), make_record("bad", seed=1)]
    place = write_sweep(records, [expect(record) for record in records])
    (place / "analysis").mkdir()
    return place


def put(make, path):
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    make(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READ)
def test_what_is_no_file_is_neither_waited_for_nor_read_and_is_said(folder, name, kind):
    put(KINDS[kind], folder / name)
    sweep = find_sweep(folder)
    assert "good" in {record["run_id"] for record in sweep.records}
    assert "unreadable" in sweep.failures["status"].tolist()
    assert any(str(folder / name) in sentence for sentence in sweep.failures["sentence"])
    find_planes(sweep, folder)
    load_commands([folder])
    report = write_report([folder], only=["runs", "failures"])
    assert str(folder / name) in report.text
    assert (report.folder / "failures.csv").is_file()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_a_jobs_folder_that_is_none_costs_no_other(folder, kind):
    put(KINDS[kind], folder / "bad")
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
    put(os.mkfifo, folder / "bad" / "record.json")
    (folder / "bad" / "plane.csv").write_text("x\n")
    assert len(load_planes(folder)) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["runs.csv", "curves.csv", "barrier_vs_width.md"])
def test_what_stands_where_a_table_goes_is_replaced_or_said(folder, name, kind):
    put(KINDS[kind], folder / "analysis" / name)
    if kind == "folder":
        with pytest.raises(OSError, match=name):
            write_report([folder], only=["runs", "curves", "barrier_vs_width"])
        return
    write_report([folder], only=["runs", "curves", "barrier_vs_width"])
    path = folder / "analysis" / name
    assert path.is_file()
    assert not path.is_symlink()


def test_pipes_in_place_of_figures_and_page_are_replaced(folder):
    names = ("report.html", "barrier_vs_width.png", "barrier_vs_width.pdf")
    for name in names:
        put(os.mkfifo, folder / "analysis" / name)
    write_report([folder], brief=True)
    assert all((folder / "analysis" / name).is_file() for name in names)


@pytest.mark.parametrize("kind", [*(kind for kind in KINDS if kind != "folder"), "file"])
def test_a_folder_for_tables_that_is_none_is_said(folder, kind):
    put({**KINDS, "file": lambda path: path.write_text("")}[kind], folder / "analysis")
    with pytest.raises(OSError, match="analysis' must be a folder to write .* into, and is none"):
        write_report([folder], only=["runs"])


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


def test_jobs_that_are_not_yet_measured_are_one_line_and_a_row_each(write_sweep):
    jobs = [make_record(f"r{k}", seed=k) for k in range(28)]
    folder = write_sweep(jobs[:17], [expect(job, f"seed={k}") for k, job in enumerate(jobs)])
    (folder / "r17" / ".hydra").mkdir(parents=True)
    report = write_report([folder], only=["failures"])
    line = "17 of 28 jobs found. 11 not yet measured: the sweep is running or was stopped; the same command goes on."
    assert report.counts == line
    assert report.failures == ()
    failures = find_sweep(folder).failures
    assert failures["status"].value_counts().to_dict() == {"missing": 10, "unfinished": 1}
    assert set(failures["sentence"]) == {
        "was not started yet, or waits for its networks: the sweep is running or was stopped; the same command goes on",
        "was started and has no record yet: the sweep is running or was stopped; the same command goes on",
    }
    assert failures["job"].tolist() == [f"seed={k}" for k in range(17, 28)]


def test_of_jobs_that_failed_the_first_are_shown_beside_those_not_yet_measured(write_sweep):
    jobs = [make_record(f"r{k:02}", seed=k) for k in range(14)]
    failed = [
        {key: job[key] for key in ("schema_version", "run_id", "scope")} | {"status": "failed", "sentence": "it broke"} for job in jobs[:12]
    ]
    report = write_report([write_sweep(failed, [expect(job, f"seed={k}") for k, job in enumerate(jobs)])], only=["failures"])
    assert report.counts.startswith("0 of 14 jobs found. 2 not yet measured: ")
    assert report.failures[0] == "failed: seed=0: it broke"
    assert report.failures[-1] == "and 2 more in failures.csv"
    assert len(report.failures) == 11


def test_a_job_alone_may_have_a_pipe_beside_it(folder):
    put(os.mkfifo, folder / "good" / "plane.csv")
    sweep = find_sweep(folder / "good")
    assert len(sweep.records) == 1
    assert json.dumps(str(folder / "good" / "plane.csv"))[1:-1] in sweep.failures["sentence"][0]
