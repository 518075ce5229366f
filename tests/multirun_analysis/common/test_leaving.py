"""A program ends with its command: its status, what it printed and what it had registered are those of any program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
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


@pytest.mark.parametrize(("after", "status", "printed"), [("pass", 0, "not reached\n"), ("sys.exit(3)", 3, "")])
def test_a_thread_that_works_is_waited_for(after, status, printed):
    work = f"threading.Thread(target=lambda: (time.sleep(0.5), print('worked'))).start(); {after}"
    assert ended(work) == (status, f"printed\n{printed}worked\n", "said\n")


def test_an_error_is_shown_with_its_traceback():
    status, printed, traceback = ended("raise ValueError('odd')")
    assert (status, printed) == (1, "printed\n")
    assert "Traceback" in traceback
    assert traceback.endswith("ValueError: odd\n")


HELD = """
import os
class Held:
    def __del__(self, write=os.write): write(1, b"taken apart\\n")
held = Held()
"""
INSTALLED = "from multirun_analysis.__main__ import command; command()"  # what an installed script does
RUNPY = "import runpy, sys; sys.argv[1:] = ['--help']; runpy.run_module('multirun_analysis', run_name='__main__', alter_sys=True)"


@pytest.mark.parametrize(
    ("program", "parts", "is_taken_apart"),
    [
        ([sys.executable, "-m", "multirun_analysis", "--help"], "", False),
        ([sys.executable, "-c", INSTALLED, "--help"], "", False),
        ([sys.executable, "-m", "multirun_analysis", "--help"], ".", True),
        ([sys.executable, "-c", RUNPY], "", True),
    ],
)
def test_modules_are_taken_apart_where_somebody_elses_code_may_count_on_it(tmp_path, program, parts, is_taken_apart):
    (tmp_path / "sitecustomize.py").write_text(HELD)
    path = os.pathsep.join([str(tmp_path), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "LMC_SWEEPS_PARTS": parts}
    completed = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert completed.stdout.startswith("usage: ")
    assert completed.stdout.endswith("taken apart\n") == is_taken_apart


def test_a_program_that_runs_a_command_of_ours_goes_on():
    script = "def deeper(): run_and_leave(main)\ndef deep(): deeper()\ndef shallow(): deep()\nshallow()"
    assert ended("pass", leave=script) == (0, "printed\nnot reached\n", "said\n")
