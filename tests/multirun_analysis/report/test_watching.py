"""Watching a sweep: its page is written again until no job is without a result, and is then one that stays as it is."""

import shutil

import pytest
from analysis_sweeps import expect, make_record

from multirun_analysis.__main__ import main
from multirun_analysis.report.report import write_report
from multirun_analysis.report.watching import watch

REFRESH = '<meta http-equiv="refresh" content="{}">'


@pytest.fixture
def running(write_sweep):
    """Return a sweep of which one of three jobs is measured, and a function that measures another one."""
    records = [make_record(f"r{seed}", seed=seed) for seed in range(3)]
    whole = write_sweep(records, [*map(expect, records)], name="whole")
    folder = write_sweep(records[:1], [*map(expect, records)])
    waiting = [record["run_id"] for record in records[1:]]

    def measure():
        if waiting:
            name = waiting.pop(0)
            shutil.copytree(whole / name, folder / name)

    return folder, measure


@pytest.mark.usefixtures("no_figures")
def test_a_page_loads_itself_until_the_last_job_is_measured(running, capsys):
    folder, measure = running
    pages, waits = [], []

    def look(refresh):
        report = write_report([folder], brief=refresh is not None, refresh=refresh)
        pages.append((report.folder / "report.html").read_text())
        return report

    def sleep(seconds):
        waits.append(seconds)
        measure()

    report = watch(look, 2.5, sleep)
    assert report.counts == "3 of 3 jobs found."
    assert waits == [2.5, 2.5]
    assert [REFRESH.format(3) in page for page in pages] == [True, True, True, False]
    assert [f"<b>{count} of 3</b>" in page for count, page in zip((1, 2, 3, 3), pages, strict=True)] == [True] * 4
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ", 1)[1].split(".")[0] for line in lines] == ["1 of 3 jobs found", "2 of 3 jobs found"]


@pytest.mark.usefixtures("no_figures")
def test_nothing_is_said_twice_and_ctrl_c_ends_it_with_what_there_is(running, capsys):
    folder, _ = running
    naps = iter([None, None, KeyboardInterrupt()])

    def sleep(seconds):
        if (event := next(naps)) is not None:
            raise event

    report = watch(lambda refresh: write_report([folder], brief=refresh is not None, refresh=refresh), 1.0, sleep)
    assert report.n_pending == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert 'http-equiv="refresh"' not in (folder / "analysis" / "report.html").read_text()


@pytest.mark.usefixtures("no_figures")
def test_a_sweep_that_is_done_is_written_and_not_waited_for(write_sweep, capsys):
    folder = write_sweep([make_record("a")])
    main([str(folder), "--watch"])
    assert "1 of 1 jobs found." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--watch 0", "`--watch` must be 1 to 86400 seconds, got 0"),
        ("--watch inf", "`--watch` must be 1 to 86400 seconds, got inf"),
        ("--watch nan", "`--watch` must be 1 to 86400 seconds, got nan"),
        ("--watch --study width_mnist", "`--watch` and `--study` exclude each other"),
        ("--watch --figure barrier_vs_width", "`--watch` and `--figure` exclude each other"),
    ],
)
def test_what_cannot_be_watched_is_said(write_sweep, words, sentence):
    with pytest.raises(SystemExit, match=sentence):
        main([str(write_sweep([make_record("a")])), *words.split()])


@pytest.mark.usefixtures("no_figures")
def test_a_sweep_that_is_done_is_said_to_need_no_watching(running, capsys):
    folder, measure = running
    measure()
    measure()
    report = watch(lambda refresh: write_report([folder], brief=True, refresh=refresh), 2.5, sleep=pytest.fail)
    assert report.counts == "3 of 3 jobs found."
    assert capsys.readouterr().err == "no job is without a result: there is nothing to wait for.\n"
