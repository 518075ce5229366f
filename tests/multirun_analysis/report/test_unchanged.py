"""A page is drawn again when anything that it is made of has changed, or is not there, and else not."""

import json
import os

import pytest
from analysis_sweeps import four_records, make_record

from multirun_analysis.page import REPORT_FILE
from multirun_analysis.report import drawing, unchanged
from multirun_analysis.report.report import write_report
from multirun_analysis.report.unchanged import is_drawn, last_line, made_of
from multirun_analysis.schema.seal import sealed_line


@pytest.fixture
def drawn(monkeypatch):
    """Count how often a page is drawn."""
    calls: list[object] = []
    draw = drawing.write_page

    def counted(*arguments, **settings):
        calls.append(arguments)
        return draw(*arguments, **settings)

    monkeypatch.setattr(drawing, "write_page", counted)
    return calls


def test_the_same_sweep_is_drawn_once_and_its_files_stay_as_they_are(write_sweep, drawn):
    sweep = write_sweep(four_records())
    first = write_report([sweep], brief=True)
    files = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    second = write_report([sweep], brief=True)
    assert len(drawn) == 1
    assert second.text == first.text
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == files


CHANGES = {
    "a record more": lambda sweep, folder: (
        (sweep / "more").mkdir() or (sweep / "more" / "record.json").write_text(json.dumps(make_record("more", seed=9)))
    ),
    "a record less": lambda sweep, folder: next(sweep.rglob("record.json")).unlink(),
    "a command more": lambda sweep, folder: (sweep / "commands.jsonl").write_text(sealed_line({"command": "python -m lmc_sweeps width=4"})),
    "a figure that is gone": lambda sweep, folder: (folder / "barrier_vs_width.pdf").unlink(),
    "a page that is gone": lambda sweep, folder: (folder / REPORT_FILE).unlink(),
    "a page that was cut": lambda sweep, folder: (folder / REPORT_FILE).write_bytes((folder / REPORT_FILE).read_bytes()[:-3]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_drawn_again_after_any_change(write_sweep, drawn, change):
    sweep = write_sweep(four_records())
    folder = write_report([sweep], brief=True).folder
    CHANGES[change](sweep, folder)
    write_report([sweep], brief=True)
    assert len(drawn) == 2
    write_report([sweep], brief=True)
    assert len(drawn) == 2


def test_an_analysis_that_is_asked_for_is_always_drawn_and_a_brief_page_in_its_place_too(write_sweep, drawn):
    sweep = write_sweep(four_records())
    for brief, count in ((True, 1), (False, 2), (False, 3), (True, 4), (True, 4)):
        write_report([sweep], brief=brief)
        assert len(drawn) == count


def test_other_code_libraries_tables_and_words_are_another_digest(tmp_path, monkeypatch):
    table, code = tmp_path / "table.csv", tmp_path / "code"
    code.mkdir()
    (code / "plot.py").write_text("x = 1\n")
    table.write_text("a\n1\n")
    monkeypatch.setattr(unchanged, "PACKAGE", code)
    digests = [made_of([table], ["said"])]
    assert made_of([table], ["said"]) == digests[0]
    digests.append(made_of([table], ["said", 2]))
    table.write_text("a\n2\n")
    digests.append(made_of([table], ["said"]))
    (code / "plot.py").write_text("x = 2\n")
    digests.append(made_of([table], ["said"]))
    monkeypatch.setattr(unchanged, "version", lambda name: "0")
    digests.append(made_of([table], ["said"]))
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "own.py").write_text("x = 1\n")
    monkeypatch.setenv("LMC_SWEEPS_PARTS", str(tmp_path))
    digests.append(made_of([table], ["said"]))
    assert len(set(digests)) == len(digests)


def test_the_last_line_says_what_was_drawn(tmp_path):
    digest = "0" * 64
    (tmp_path / REPORT_FILE).write_text(f"<html>\n{last_line(digest, ['a.png', 'a.pdf'])}")
    assert not is_drawn(tmp_path, digest)
    for name in ("a.png", "a.pdf"):
        (tmp_path / name).touch()
    assert is_drawn(tmp_path, digest)
    assert not is_drawn(tmp_path, "1" * 64)


def test_a_pipe_in_the_place_of_a_page_is_none(tmp_path):
    os.mkfifo(tmp_path / REPORT_FILE)
    assert not is_drawn(tmp_path, "0" * 64)
