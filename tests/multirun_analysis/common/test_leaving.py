"""A program ends with its command: its status, what it printed and what it had registered are those of any program."""

import subprocess
import sys

import pytest

BEGIN = "import atexit, sys, threading, time\nfrom multirun_analysis.common.leaving import run_and_leave\n"


def ended(body: str, leave: str = "run_and_leave(main)") -> tuple[int, str, str]:
    """Return the exit status of a program, and what it printed into a file, which is written when it is full or at the end."""
    script = f"{BEGIN}def main():\n    print('printed')\n    sys.stderr.write('said\\n')\n    {body}\n{leave}\nprint('not reached')\n"
    completed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    return completed.returncode, completed.stdout, completed.stderr


@pytest.mark.parametrize(
    "body", ["pass", "sys.exit()", "sys.exit(0)", "sys.exit(3)", "sys.exit(True)", "sys.exit(256 + 130)", "sys.exit('why')"]
)
def test_status_and_words_are_those_that_python_gives(body):
    assert ended(body) == ended(body, leave="main(); sys.exit()")


def test_what_is_registered_is_done_and_written():
    assert ended("atexit.register(print, 'registered')") == (0, "printed\nregistered\n", "said\n")


@pytest.mark.parametrize("after", ["pass", "sys.exit(3)"])
def test_a_thread_that_works_is_waited_for(after):
    work = f"threading.Thread(target=lambda: (time.sleep(0.5), print('worked'))).start(); {after}"
    assert ended(work) == (3 if "exit" in after else 0, "printed\nworked\n", "said\n")


def test_an_error_is_shown_with_its_traceback():
    status, printed, traceback = ended("raise ValueError('odd')")
    assert (status, printed) == (1, "printed\n")
    assert "Traceback" in traceback
    assert traceback.endswith("ValueError: odd\n")


def test_nothing_is_taken_apart():
    body = "class Held:\n        def __del__(self): print('taken apart')\n    global held\n    held = Held()"
    assert ended(body)[1] == "printed\n"
