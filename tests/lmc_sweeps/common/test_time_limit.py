"""The time limit: an error in work that takes too long, time counted anew with progress, the end of a process that hears no error."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lmc_sweeps.common import time_keeper
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
        with time_limit(2.0, "this work") as progressed:
            for _ in range(6):  # 3 s in all
                time.sleep(0.5)
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


# Alone, so that no child imports torch.
ALONE = """
import importlib.util, os, sys, types
sys.modules["lmc_sweeps"] = package = types.ModuleType("lmc_sweeps")
package.__path__ = [{folder!r}]
from lmc_sweeps.common import time_limit
"""
HANG = """
import ctypes, signal
time_limit.GRACE = 0.5
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # a call into C that no signal interrupts
with time_limit.time_limit(0.5, "this work"):
    ctypes.{kind}(None).sleep(600)
"""
STOPPED = """
time_limit.GRACE = 0.5
with time_limit.time_limit(1.0, "this work"):
    print("begun", flush=True)
    sys.stdin.read()  # to the end
print("done")
"""


def alone(text: str) -> list[str]:
    return [sys.executable, "-S", "-c", ALONE.format(folder=str(Path(time_keeper.__file__).parents[1])) + text]


@pytest.mark.parametrize("kind", ["CDLL", "PyDLL"])  # the second one keeps Python's lock
def test_a_process_that_hangs_in_c_is_ended_with_a_sentence(kind):
    completed = subprocess.run(alone(HANG.format(kind=kind)), capture_output=True, text=True, timeout=300, check=False)
    assert completed.returncode == -signal.SIGKILL
    assert "this work took longer than `time_limit` = 0.5 s and cannot be stopped from within, so the process is ended." in completed.stderr
    assert "the same command with the same hydra.sweep.dir goes on with the others" in completed.stderr
    assert "Traceback" not in completed.stderr


@pytest.mark.parametrize("stop", [signal.SIGSTOP, signal.SIGTSTP], ids=["SIGSTOP", "Ctrl-Z"])
def test_the_time_in_which_a_process_is_stopped_does_not_count(stop):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # In a group of its own, as a shell starts it: what Ctrl-Z sends stops no process of a group that nobody of its session is the parent of.
    with subprocess.Popen(alone(STOPPED), preexec_fn=os.setpgrp, **pipes) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(stop)
        time.sleep(2.2)  # twice its limit, and beyond the grace
        process.send_signal(signal.SIGCONT)
        output = process.communicate("", timeout=300)
    assert (process.returncode, output) == (0, ("done\n", ""))


def test_a_stopped_process_is_known_as_such():
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert not time_keeper.is_stopped(process.pid)
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert time_keeper.is_stopped(process.pid)
        process.send_signal(signal.SIGCONT)
        os.waitpid(process.pid, os.WCONTINUED)
        assert not time_keeper.is_stopped(process.pid)


def test_where_the_keeper_cannot_be_started_the_work_is_done_and_it_is_said(monkeypatch, caplog):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    finished = []
    with time_limit(LONG, "this work") as progressed:
        progressed()
        finished.append(True)
    assert finished == [True]
    assert "`time_limit` is not watched here: the process that counts the time cannot be started" in caplog.text
