"""Progress: a plain line now and then where there is no terminal, a bar where there is one."""

import sys

from lmc_sweeps.sweeps import progress


def test_a_plain_line_comes_after_a_while_with_the_time_left(monkeypatch, capsys):
    clock = iter([0.0, 10.0, 40.0, 50.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.TrainingProgress("[1/2] width=8", total=200) as note:
        note(2)  # after 10 s
        note(38)  # after 40 s
        note(2)  # after 50 s: too early for another line
    assert capsys.readouterr().err.splitlines() == ["[1/2] width=8: 40 of 200 network-steps, about 2 min left"]


def test_what_came_before_the_first_step_does_not_count_in_the_time_left(monkeypatch, capsys):
    clock = iter([0.0, 900.0, 930.0])  # sizes of stacks were tried for a quarter of an hour
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.TrainingProgress("training", total=100) as note:
        note(1)  # of one step nothing can be said
        note(30)
    assert capsys.readouterr().err.splitlines() == ["training: 31 of 100 network-steps, about 69 s left"]


def test_a_terminal_gets_a_bar_with_what_is_trained_and_lines_above_it(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.TrainingProgress("[1/2] width=8", total=100) as note:
        note(50)
        note.write("a line")
    shown = capsys.readouterr().err
    assert "[1/2] width=8:   0%" in shown or "[1/2] width=8:  50%" in shown
    assert "a line\n" in shown


def test_whoever_reads_standard_error_may_ask_for_a_bar(monkeypatch, capsys):
    monkeypatch.setenv(progress.BAR, "1")
    with progress.TrainingProgress("training", total=100) as note:
        note(50)
    assert "training:   0%" in (shown := capsys.readouterr().err) or "training:  50%" in shown


def test_durations_are_for_people():
    assert [progress.duration(seconds) for seconds in (42, 180, 5400)] == ["42 s", "3 min", "1.5 h"]


def test_an_estimate_is_about_a_length_or_below_it():
    assert [progress.about(progress.duration(seconds)) for seconds in (0.2, 42)] == ["less than 1 s", "about 42 s"]


def test_what_computing_costs_is_said_in_core_minutes():
    assert progress.computing(600) == "10 min (10.0 core-minutes)"
