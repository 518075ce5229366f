"""A program ends with its command: status, words and what was registered are those of any program; where somebody minds, so is its end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BEGIN = "import atexit, sys, threading, time\nfrom multirun_analysis.common.leaving import run_and_leave\n"
INSTALLED = "import sys\nfrom multirun_analysis.__main__ import command\nsys.exit(command())\n"  # a script as pip writes it
RUNPY = "import runpy, sys; sys.argv[1:] = ['--help']; runpy.run_module('multirun_analysis', run_name='__main__', alter_sys=True)"


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings = os.environ | {"PYTHONPATH": path} | environment
    others = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 120, "check": False}
    return subprocess.run([sys.executable, *words], cwd=folder, env=settings, **others)


@pytest.fixture
def ended(tmp_path):
    """Return a function that runs a program of ours and returns its status and what it printed, into a file: written late, or at the end."""

    def run_script(body: str, leave: str = "run_and_leave(main)") -> tuple[int, str, str]:
        script = f"{BEGIN}def main():\n    print('printed')\n    sys.stderr.write('said\\n')\n    {body}\n{leave}\nprint('not reached')\n"
        (tmp_path / "lmc-sweeps-of-a-test").write_text(script)
        completed = run(tmp_path, "lmc-sweeps-of-a-test")
        return completed.returncode, completed.stdout, completed.stderr

    return run_script


@pytest.mark.parametrize(
    "body", ["pass", "sys.exit()", "sys.exit(0)", "sys.exit(3)", "sys.exit(True)", "sys.exit(256 + 130)", "sys.exit('why')"]
)
def test_status_and_words_are_those_that_python_gives(ended, body):
    assert ended(body) == ended(body, leave="main(); sys.exit()")


def test_what_is_registered_is_done_and_written(ended):
    assert ended("atexit.register(print, 'registered')") == (0, "printed\nregistered\n", "said\n")


@pytest.mark.parametrize(("after", "status", "printed"), [("pass", 0, "not reached\n"), ("sys.exit(3)", 3, "")])
def test_a_thread_that_works_is_waited_for(ended, after, status, printed):
    work = f"threading.Thread(target=lambda: (time.sleep(0.5), print('worked'))).start(); {after}"
    assert ended(work) == (status, f"printed\n{printed}worked\n", "said\n")


def test_an_error_is_shown_with_its_traceback(ended):
    status, printed, traceback = ended("raise ValueError('odd')")
    assert (status, printed) == (1, "printed\n")
    assert "Traceback" in traceback
    assert traceback.endswith("ValueError: odd\n")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_was_closed_on_the_way_is_no_error(ended, stream):
    status, *printed = ended(f"sys.{stream}.close()")
    assert (status, printed) == (0, ["printed\n", "said\n"])


DAEMON = "thread = threading.Thread(target=run_and_leave, args=(main,), daemon=True); thread.start(); thread.join()"
DEEP = "def deeper(): run_and_leave(main)\ndef deep(): deeper()\ndef shallow(): deep()\nshallow()"


@pytest.mark.parametrize("leave", [DAEMON, DEEP])
def test_a_program_that_runs_a_command_by_the_way_goes_on(ended, leave):
    assert ended("pass", leave=leave) == (0, "printed\nnot reached\n", "said\n")


@pytest.mark.parametrize(
    ("words", "environment", "is_at_once"),
    [
        (["-m", "multirun_analysis", "--help"], {}, True),
        (["lmc-sweeps-analysis", "--help"], {}, True),
        (["-m", "lmc_sweeps.commands.store", "--help"], {}, True),  # with PyTorch
        (["host.py", "--help"], {}, False),
        (["-c", INSTALLED, "--help"], {}, False),
        (["-c", RUNPY], {}, False),
        (["-m", "cProfile", "-m", "multirun_analysis", "--help"], {}, False),
        (["-i", "-m", "multirun_analysis", "--help"], {}, False),
        (["-m", "multirun_analysis", "--help"], {"PYTHONINSPECT": "1"}, False),
    ],
)
def test_python_takes_modules_apart_but_at_the_end_of_a_command_of_ours(tmp_path, words, environment, is_at_once):
    for name in ("lmc-sweeps-analysis", "host.py"):
        (tmp_path / name).write_text(INSTALLED)
    completed = run(tmp_path, "-v", *words, **environment)
    assert "usage: " in completed.stdout
    assert ("# cleanup" in completed.stderr) != is_at_once


def test_what_a_users_own_module_has_not_written_yet_is_not_lost(tmp_path):
    """As of Hydra's callbacks, which a config names: a file that nobody closes."""
    (tmp_path / "sitecustomize.py").write_text("import os\nlog = open(os.environ['LOG'], 'w')\nlog.write('a line')\n")
    own = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "LOG": str(tmp_path / "log")}
    assert run(tmp_path, "-m", "multirun_analysis", "--help", **own).returncode == 0
    assert (tmp_path / "log").read_text() == "a line"
