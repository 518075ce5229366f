"""The process that counts the time: it ends what hangs in C, and does not count while the other is stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lmc_sweeps.common import time_keeper

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


def test_the_time_in_which_a_process_is_stopped_does_not_count():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # In a group of its own, as a shell starts it: what Ctrl-Z sends stops no process of a group that nobody of its session is the parent of.
    with (
        subprocess.Popen(alone(STOPPED), preexec_fn=os.setpgrp, **pipes) as one,
        subprocess.Popen(alone(STOPPED), preexec_fn=os.setpgrp, **pipes) as other,
    ):
        for process, stop in ((one, signal.SIGSTOP), (other, signal.SIGTSTP)):
            assert process.stdout.readline() == "begun\n"
            process.send_signal(stop)
        time.sleep(2.2)  # twice their limit, and beyond the grace
        for process in (one, other):
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
