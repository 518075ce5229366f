"""The time limit: an error in work that takes too long, time counted anew with progress, the end of a process that hears no error."""

import logging
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from lmc_sweeps.time_limit import TimeLimitReached, time_limit

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


def test_progress_counts_the_time_anew():
    done = []

    def work():
        with time_limit(2.0, "this work") as progressed:
            for _ in range(6):  # 3 s in all
                time.sleep(0.5)
                progressed()
            done.append("all of it")
            time.sleep(LONG)

    with pytest.raises(TimeLimitReached):
        work()
    assert done == ["all of it"]


def test_an_error_that_the_work_swallows_is_raised_again(monkeypatch):
    monkeypatch.setattr("lmc_sweeps.time_limit.GRACE", 1.0)
    seen = []

    def work():
        with time_limit(0.1, "this work"):
            try:
                time.sleep(LONG)
            except TimeLimitReached as error:
                seen.append(error)
            time.sleep(LONG)

    with pytest.raises(TimeLimitReached):
        work()
    assert len(seen) == 1


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
    assert threading.active_count() == 1 or "time_limit" not in {thread.name for thread in threading.enumerate()}


def test_outside_the_main_thread_nothing_is_watched_which_is_said(caplog):
    def work():
        with time_limit(0.01, "this work"):
            time.sleep(0.1)

    with caplog.at_level(logging.WARNING):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert "`time_limit` is not watched here: that takes the main thread of a process on Linux or macOS." in caplog.text


HANG = """
import ctypes, signal
from lmc_sweeps import time_limit
time_limit.GRACE = 0.5
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # a call into C that no signal interrupts
with time_limit.time_limit(0.5, "this work"):
    ctypes.{kind}(None).sleep(600)
"""


def ended(kind):
    return subprocess.run([sys.executable, "-c", HANG.format(kind=kind)], capture_output=True, text=True, timeout=300, check=False)


def test_a_process_that_hangs_in_c_is_ended_with_a_sentence():
    done = ended("CDLL")
    assert done.returncode == 1
    assert "this work took longer than `time_limit` = 0.5 s and cannot be stopped from within, so the process is ended." in done.stderr
    assert "the same command with the same hydra.sweep.dir goes on with the others" in done.stderr


def test_a_process_that_hangs_in_c_and_lets_no_thread_in_is_ended_too():
    done = ended("PyDLL")  # which keeps Python's lock
    assert done.returncode == 1
    assert "Timeout" in done.stderr
