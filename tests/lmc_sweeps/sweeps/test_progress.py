"""Progress: a plain line now and then where there is no terminal, a bar where there is one."""

import sys

import pytest

from lmc_sweeps.sweeps import progress


@pytest.fixture
def at(monkeypatch):
    """Return a function that sets the clock, which stands still between its calls."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def set_clock(seconds):
        now[0] = seconds

    return set_clock


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_a_plain_line_comes_after_a_while_with_the_time_left(at, capsys):
    with progress.TrainingProgress("[1/2] width=8", total=200) as note:
        for seconds, steps in ((10, 2), (40, 38), (50, 2)):  # the last one is too early for another line
            at(seconds)
            note(steps)
    assert lines(capsys) == ["[1/2] width=8: 40 of 200 network-steps, about 2 min left"]


def test_what_came_before_the_first_step_does_not_count_in_the_time_left(at, capsys):
    with progress.TrainingProgress("training", total=100) as note:
        at(900)  # sizes of stacks were tried for a quarter of an hour
        note(1)  # of one step nothing can be said
        at(930)
        note(30)
    assert lines(capsys) == ["training: 31 of 100 network-steps, about 69 s left"]


def shown_bars(capsys):
    """Return what was drawn over one another, without what is drawn of the bar itself."""
    drawn = [text.strip() for text in capsys.readouterr().err.split("\r") if text.strip()]
    return [f"{text.split('|')[0]}|{text.split('|')[-1]}" for text in drawn if "|" in text]


def test_a_terminal_gets_a_bar_once_a_second_and_lines_above_it(at, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.TrainingProgress("[1/2] width=8", total=100) as note:
        for seconds, steps in ((1, 25), (1.5, 5), (2, 20)):
            at(seconds)
            note(steps)
        note.write("a line")
    text = capsys.readouterr()
    assert "a line\n" in text.err
    assert "30/100" not in text.err.replace("30.0/100", "30/100")
    assert "[1/2] width=8:  33%" in text.err  # 25 steps in the second since the first one had ended, 50 are left
    assert "50.0/100 network-steps, 2 s left" in text.err


def test_whoever_reads_standard_error_may_ask_for_a_bar(monkeypatch, capsys):
    monkeypatch.setenv(progress.BAR, "1")
    with progress.TrainingProgress("training", total=100) as note:
        note(50)
    assert "training:   0%" in capsys.readouterr().err


def test_a_bar_goes_on_while_jobs_are_measured_and_its_estimate_is_that_of_training_and_measuring(at, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.SweepProgress("the sweep", 100, {0: 40.0, 1: 40.0, 2: 20.0, 3: 20.0}, workers=2) as note:
        at(1)
        note(10)
        at(11)
        note(40)  # 50 are left, at 4 a second; 120 s of measuring by two
        assert shown_bars(capsys)[-1] == "the sweep:  13%| 50.0/100 network-steps, 0/4 jobs, 72 s left"
        note(50)
        note.begin_job(0)
        note.begin_job(1)
        at(21)
        note(0)  # a look at the clock
        assert shown_bars(capsys)[-1] == "the sweep:  30%| 100/100 network-steps, 0/4 jobs, 50 s left"
        at(31)
        note.end_job(0)  # after half of what was estimated
        note.begin_job(2)
        assert shown_bars(capsys)[-1] == "the sweep:  76%| 100/100 network-steps, 1/4 jobs, 10 s left"
        at(33)
        note.end_job(1)
        assert shown_bars(capsys)[-1].endswith("2/4 jobs, 10 s left")


def test_of_networks_that_are_all_there_jobs_alone_are_counted(at, capsys):
    with progress.SweepProgress("the sweep", 0, {7: 100.0, 9: 100.0}, workers=1) as note:
        note.begin_job(7)
        at(40)
        note(0)
        at(80)
        note.end_job(7)
        note.begin_job(9)
        at(120)
        note(0)
    assert lines(capsys) == [
        "the sweep: 0 of 2 jobs done, about 3 min left",
        "the sweep: 1 of 2 jobs done, about 80 s left",
        "the sweep: 1 of 2 jobs done, about 40 s left",
    ]


def test_steps_that_are_never_counted_are_not_waited_for_once_training_is_over(at, capsys):
    with progress.SweepProgress("the sweep", 100, {0: 60.0, 1: 60.0}, workers=2) as note:
        note(10)
        at(10)
        note(40)  # the other 50 had been made before, or are those of a stack that failed
        note.begin_job(0)
        note.end_training()
        at(35)
        note(0)
    assert lines(capsys) == ["the sweep: 50 of 100 network-steps, 0 of 2 jobs done, about 48 s left"]


def test_jobs_that_fail_say_nothing_of_how_long_the_others_take(at, capsys):
    with progress.SweepProgress("the sweep", 0, {0: 60.0, 1: 60.0, 2: 60.0}, workers=1) as note:
        note.end_job(0, is_measured=False)  # its networks could not be trained: it was never begun
        note.begin_job(1)
        at(1)
        note.end_job(1, is_measured=False)
        note.begin_job(2)
        at(31)
        note(0)
    assert lines(capsys) == ["the sweep: 2 of 3 jobs done, about 30 s left"]


def test_durations_are_for_people():
    assert [progress.duration(seconds) for seconds in (42, 180, 5400)] == ["42 s", "3 min", "1.5 h"]


def test_an_estimate_is_about_a_length_or_below_it():
    assert [progress.about(progress.duration(seconds)) for seconds in (0.2, 42)] == ["less than 1 s", "about 42 s"]


def test_what_computing_costs_is_said_in_core_minutes():
    assert progress.computing(600) == "10 min (10.0 core-minutes)"


def test_the_line_of_a_job_begins_with_how_many_are_done():
    count = progress.JobCount(total=28, ended=3)
    assert count.line("width=8 seed=2 0.4 s") == "[3/28 done] width=8 seed=2 0.4 s"
    assert count.line(" 0.4 s") == "[3/28 done] 0.4 s"  # of a job without overrides
