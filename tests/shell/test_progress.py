"""Progress: a plain line now and then where there is no terminal."""

import sys

from lmc_sweeps import progress


def test_a_plain_line_comes_after_a_while_with_the_time_left(monkeypatch, capsys):
    clock = iter([0.0, 10.0, 40.0, 50.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.TrainingProgress("[1/2] width=8") as note:
        note(1, 100)  # after 10 s
        note(20, 100)  # after 40 s
        note(21, 100)  # after 50 s: too early for another line
    assert capsys.readouterr().err.splitlines() == ["[1/2] width=8 training: step 20 of 100, about 3 min left"]


def test_a_terminal_gets_a_bar_with_what_is_trained(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.TrainingProgress("[1/2] width=8") as note:
        note(50, 100)
    assert "[1/2] width=8 training" in capsys.readouterr().err


def test_durations_are_for_people():
    assert [progress.duration(seconds) for seconds in (42, 180, 5400)] == ["42 s", "3 min", "1.5 h"]
