"""A sweep from the tables of its analysis: the same tables again, to the byte, and what tables cannot say is not made up."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from analysis_sweeps import expect, four_records, write_record
from published_analyses import publish, varied_records, with_two_settings

from multirun_analysis import load_curves, load_expected, load_layers, load_runs, load_training_curves
from multirun_analysis.checks import InputError
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.published import is_published
from multirun_analysis.report.report import write_report
from multirun_analysis.stats.interval_choice import IntervalChoice
from multirun_analysis.tables.names import TABLES, WHERE_MEASURED
from multirun_analysis.tables.sweep import sweep_frames

pytestmark = pytest.mark.usefixtures("no_figures")
SWEEPS = {
    "all kinds of keys": (varied_records, 0),
    "two settings of a method": (lambda: [with_two_settings(record) for record in four_records()], 0),
    "jobs missing": (varied_records, 5),
    "one job": (lambda: varied_records()[:1], 0),
    "a cell of which nothing was measured": (lambda: varied_records()[:6], 3),
}


@pytest.mark.parametrize("name", SWEEPS)
def test_the_analysis_of_an_analysis_is_the_same_frames_and_the_same_bytes(write_sweep, tmp_path, name):
    make, missing = SWEEPS[name]
    records = make()
    first = publish(write_sweep, tmp_path / "first", records, missing)
    sweep = write_sweep(records[: len(records) - missing], [expect(record) for record in records], name="again")
    for load in (load_runs, load_curves, load_layers, load_training_curves):
        pd.testing.assert_frame_equal(load(first), load(sweep), rtol=1e-9)
    assert find_sweep(first).n_asked == find_sweep(sweep).n_asked == len(records)
    assert find_sweep(first).varying == find_sweep(sweep).varying
    again = write_report([first]).folder
    assert again == first / "analysis"
    files = sorted(path.name for path in first.iterdir() if path.is_file() and path.name != "report.html")
    assert files == sorted(path.name for path in again.iterdir() if path.name != "report.html")
    assert {"provenance.json", "barrier_vs_width.md", *(f"{table}.csv" for table in TABLES if table not in WHERE_MEASURED)} <= set(files)
    assert ("training_curves.csv" in files) == any("training" in record for record in records[: len(records) - missing])
    for file in files:
        assert (again / file).read_bytes() == (first / file).read_bytes(), file


def test_another_interval_is_that_of_the_records_whatever_their_measures(write_sweep, tmp_path):
    rng = np.random.default_rng(0)
    records = varied_records()
    for record in records:
        for row in record["runs"]:
            row |= {key: value * rng.lognormal() for key, value in row.items() if isinstance(value, float) and "barrier" in key}
    folder = publish(write_sweep, tmp_path / "published", records)
    sweep = write_sweep(records, [expect(record, f"seed={record['scope']['seed']}") for record in records], name="again")
    for choice in (IntervalChoice("t", 0.9), IntervalChoice("log", 0.5)):
        one, other = (sweep_frames(find_sweep(path), choice=choice) for path in (folder, sweep))
        for name in TABLES:
            pd.testing.assert_frame_equal(one[name], other[name], rtol=1e-5, atol=1e-8, check_dtype=False)


def test_what_was_to_be_measured_is_counted_without_records(write_sweep, tmp_path):
    folder = publish(write_sweep, tmp_path / "published", varied_records(), missing=4)
    expected = load_expected(folder)
    assert expected["n_pairs"].sum() == 4 * 2 * 2  # of two methods under two repairs
    report = write_report([folder], tmp_path / "out")
    assert "8 of 12 jobs found. 4 not yet measured" in report.counts
    (folder / "barrier_vs_width.csv").unlink()
    assert load_expected(folder).empty
    notes = write_report([folder], tmp_path / "out").notes
    assert "note: there is no barrier_vs_width.csv: the pairs that were measured count as those that were to be." in notes


def test_tables_of_before_repairs_are_read_as_such_records_are(write_sweep, tmp_path):
    folder = publish(write_sweep, tmp_path / "published", four_records())
    runs = load_runs(folder)
    later = ["repair", "points", "barrier_over_loss", "loss_ensemble", "matching_status", "certificate_status", "output_gap"]
    for name in ("runs", "curves", "barrier_vs_width"):
        frame = pd.read_csv(folder / f"{name}.csv")
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(frame.drop(columns=later, errors="ignore").to_csv(index=False).encode()))
        (folder / f"{name}.csv").unlink()
    pd.testing.assert_frame_equal(load_runs(folder), runs.assign(points=np.nan))
    out = write_report([folder]).folder
    assert pd.read_csv(out / "barrier_vs_width.csv")["repair"].unique().tolist() == ["none"]
    assert (out / "runs.csv.gz").read_bytes() == (folder / "runs.csv.gz").read_bytes()
    assert not (out / "runs.csv").exists()


def test_runs_alone_will_do_and_what_is_not_known_is_said_and_not_made_up(write_sweep, tmp_path):
    folder = publish(write_sweep, tmp_path / "published", varied_records())
    for path in folder.iterdir():
        if path.name != "runs.csv":
            path.unlink()
    report = write_report([folder])
    assert {path.name for path in report.folder.iterdir()} & {"curves.csv", "layers.csv", "failures.csv", "provenance.json"} == set()
    assert "note: there is no curves.csv, layers.csv, failures.csv, and nothing that is made of it." in report.notes
    assert any(note.startswith("note: there is no provenance.json: settings") for note in report.notes)
    page = (report.folder / "report.html").read_text()
    assert "Machine: not recorded" in page
    assert "seconds of training are not known" in page
    assert "training 0 s" not in page
    assert ">24<" in page  # networks, by their names


def test_what_provenance_says_is_kept_word_for_word(write_sweep, tmp_path):
    folder = publish(write_sweep, tmp_path / "published", varied_records())
    facts = json.loads((folder / "provenance.json").read_text()) | {"by_hand": "kept"}
    (folder / "provenance.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    report = write_report([folder])
    assert (report.folder / "provenance.json").read_bytes() == (folder / "provenance.json").read_bytes()
    assert "note: a note. (6 of 12 jobs)" in report.notes


def test_records_go_before_tables_and_tables_are_not_merged(write_sweep, tmp_path):
    folder = publish(write_sweep, tmp_path / "published", four_records())
    assert is_published(folder)
    sweep = write_sweep(four_records()[:1])
    with pytest.raises(InputError, match=r"'.*published' holds the tables of an analysis and no records, and must be named alone: "):
        find_sweep([sweep, folder])
    write_record(folder / "r08", four_records()[0])
    assert not is_published(folder)
    assert len(find_sweep(folder).records) == 1
    assert not is_published(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("runs.csv", ",8,1,0,", ",0,1,0,", r"^the job r08 in '.*runs.csv' is none that a sweep has: `width` is not from 1 to"),
        ("runs.csv", ",8,1,0,", ",8.5,1,0,", r"^the job r08 in '.*runs.csv' is none that a sweep has: `width` is no int\."),
        (
            "provenance.json",
            '"depth": 1',
            '"depth": 2',
            r"^`depth` must be the same in provenance.json and in '.*runs.csv', and is 2 and 1\.",
        ),
        ("barrier_vs_width.csv", "n_expected", "n_asked", r"^'.*barrier_vs_width.csv' must have the column `n_expected`, and has not\."),
        ("barrier_vs_width.csv", ",2,2,4,", ",2.5,2,4,", r"^`n_expected` in '.*barrier_vs_width.csv' must hold counts, got '2.5'\."),
    ],
)
def test_what_does_not_fit_together_is_said_before_anything_is_written(write_sweep, tmp_path, file, old, new, sentence):
    folder = publish(write_sweep, tmp_path / "published", four_records())
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    for other in ("curves.csv", "layers.csv"):
        (folder / other).unlink()
    with pytest.raises(InputError, match=sentence):
        write_report([folder])
    assert not (folder / "analysis").exists()


def test_a_job_has_one_value_of_every_key(write_sweep, tmp_path):
    folder = publish(write_sweep, tmp_path / "published", four_records())
    header, first, *others = (folder / "runs.csv").read_text().splitlines()
    (folder / "runs.csv").write_text("\n".join([header, first.replace(",8,1,0,", ",16,1,0,"), *others]) + "\n")
    (folder / "curves.csv").unlink()
    (folder / "layers.csv").unlink()
    with pytest.raises(InputError, match=r"^`width` in '.*runs.csv' must be one for each job, and is 16 and 8 for r08\."):
        find_sweep(folder)
