"""No command may need what Windows lacks, which is hidden here; mypy looks for more of it, ``--platform win32``, in what CI runs."""

import os
import pkgutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

import lmc_sweeps
import multirun_analysis

LONG = 120.0  # seconds, of what has to end
PYTHON = [sys.executable, "-W", "error::ImportWarning"]


def environment(folder, **others):
    """Return an environment in which Python hides from our modules what Windows lacks."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent / "hidden"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "LMC_SWEEPS_STORE": str(folder / "store"), **others}


def run(folder, *words, **others):
    """Return what a command wrote to standard error."""
    completed = subprocess.run([*PYTHON, *words], env=environment(folder, **others), capture_output=True, text=True, timeout=LONG)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout + completed.stderr


def test_what_is_hidden_is_hidden_from_our_modules_alone(tmp_path):
    script = (
        "import signal, sys; from lmc_sweeps.common import interruption, workers\n"
        "print(sys.platform, hasattr(signal, 'SIGALRM'), workers.sys.platform, hasattr(interruption.signal, 'SIGALRM'), workers.START)"
    )
    assert run(tmp_path, "-c", script) == f"{sys.platform} {hasattr(signal, 'SIGALRM')} win32 False spawn\n"


def test_every_module_is_imported_without_what_windows_lacks(tmp_path):
    modules = [
        module.name
        for package in (lmc_sweeps, multirun_analysis)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if "_plugin_root" not in module.name
    ]
    assert len(modules) > 200
    script = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    run(tmp_path, "-c", script, *modules)


def test_a_sweep_has_the_barriers_that_it_has_here_and_its_tables(tmp_path):
    words = ["-m", "lmc_sweeps", "width=4,8", "seed=0,1", "training.epochs=2", "hydra.launcher.workers=2", "time_limit=100", "-m"]
    text = run(tmp_path, *words, f"hydra.sweep.dir={tmp_path / 'there'}")
    assert "4 of 4 jobs found." in text
    assert "`time_limit` is not watched here" in text
    here = [*PYTHON, *words, f"hydra.sweep.dir={tmp_path / 'here'}", "report=false"]
    subprocess.run(here, env={**os.environ, "LMC_SWEEPS_STORE": str(tmp_path / "other")}, check=True, capture_output=True, timeout=LONG)
    run(tmp_path, "-m", "multirun_analysis", str(tmp_path / "here"), "--only", "barrier_vs_width", "--out", str(tmp_path / "read_there"))
    tables = [pd.read_csv(folder / "barrier_vs_width.csv") for folder in (tmp_path / "there" / "analysis", tmp_path / "read_there")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_ctrl_c_stops_workers_that_no_signal_reaches_and_they_keep_what_they_have(tmp_path):
    words = [
        "-m",
        "lmc_sweeps",
        "width=4",
        "seed=0,1",
        "training.epochs=100000",
        "training.checkpoint_seconds=1",
        "hydra.launcher.workers=2",
    ]
    command = [*PYTHON, *words, f"hydra.sweep.dir={tmp_path / 'sweep'}", "-m"]
    store = tmp_path / "store"
    with subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        end = time.monotonic() + LONG
        while len(list(store.rglob("*.partial"))) < 2:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=LONG)
    assert process.returncode != 0
    assert "goes on where this one stopped" in text
