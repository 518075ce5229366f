"""The time limit: an error in work that takes too long, time counted anew with progress, and what was there before."""

import logging
import re
import signal
import sys
import threading
import time

import pytest

from lmc_sweeps.common.time_limit import TimeLimitReached, time_limit

LONG = 60.0  # a sleep that the tests never wait for


def test_work_that_takes_too_long_fails_with_the_limit_in_a_sentence():
    begun = time.monotonic()
    sentence = "this work took longer than `time_limit` = 0.2 s; the same command with a higher limit, or null, tries again."
    with pytest.raises(TimeLimitReached, match=f"^{re.escape(sentence)}$"), time_limit(0.2, "this work"):
        time.sleep(LONG)
    assert time.monotonic() - begun < LONG / 2


def test_work_within_its_limit_and_without_one_is_left_alone():
    before = signal.getsignal(signal.SIGALRM)
    for seconds in (LONG, None):
        with time_limit(seconds, "this work") as progressed:
            progressed()
        assert signal.getsignal(signal.SIGALRM) == before
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_progress_starts_the_time_again():
    finished = []

    def work():
        with time_limit(1.0, "this work") as progressed:
            for _ in range(6):  # 1.5 s in all
                time.sleep(0.25)
                progressed()
            finished.append("all of it")
            time.sleep(LONG)

    with pytest.raises(TimeLimitReached):
        work()
    assert finished == ["all of it"]


def test_an_error_that_the_work_swallows_is_raised_again(monkeypatch):
    monkeypatch.setattr("lmc_sweeps.common.time_limit.GRACE", 1.0)
    errors = []

    def work():
        with time_limit(0.1, "this work"):
            try:
                time.sleep(LONG)
            except TimeLimitReached as error:
                errors.append(error)
            time.sleep(LONG)

    with pytest.raises(TimeLimitReached):
        work()
    assert len(errors) == 1


def test_the_handler_and_the_timer_of_before_come_back():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with time_limit(LONG, "this work"):
            pass
        deadline = time.monotonic() + LONG
        while not rung and time.monotonic() < deadline:
            time.sleep(0.01)
        assert rung == [True]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_outside_the_main_thread_nothing_is_watched_which_is_said(caplog):
    def work():
        with time_limit(0.01, "this work"):
            time.sleep(0.1)

    with caplog.at_level(logging.WARNING):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert "`time_limit` is not watched here: that takes the main thread of a process on Linux or macOS." in caplog.text


def test_where_the_keeper_cannot_be_started_the_work_is_done_and_it_is_said(monkeypatch, caplog):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    finished = []
    with time_limit(LONG, "this work") as progressed:
        progressed()
        finished.append(True)
    assert finished == [True]
    assert "`time_limit` is not watched here: the process that counts the time cannot be started" in caplog.text
