"""Jobs that hang, and commands that are told to end: a sentence, no result lost, and the same command goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.fault_processes import PLANT

SWEEP = ["-m", "width=4,11", "training.epochs=1", "points=3", "matching=[weights]", "hydra.sweep.dir=sweep"]
SWEEP += ["matching.weights.transport=assignment"]  # a new process need not import POT
ROOT = Path(__file__).resolve().parents[2]
JOBLIB = pytest.param(
    ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    marks=pytest.mark.needs("hydra_plugins.hydra_joblib_launcher"),
)


@pytest.mark.parametrize("launcher", [[], ["hydra.launcher.workers=2"], JOBLIB], ids=["batched", "workers", "joblib"])
def test_a_job_that_hangs_fails_alone_and_is_done_when_it_hangs_no_more(command, tmp_path, launcher):
    if "hydra/launcher=joblib" in launcher:  # the jobs run in new processes
        (tmp_path / "planted").mkdir()
        (tmp_path / "planted" / "sitecustomize.py").write_text(PLANT.replace("WIDTH", "11"))
        path = os.pathsep.join([str(tmp_path / "planted"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        completed = command(*SWEEP, *launcher, "time_limit=5", PYTHONPATH=path)
    else:
        (tmp_path / "hanging.py").write_text(
            "from benchmarks.fault_processes import hang_in_measuring\nfrom lmc_sweeps.cli import main\nhang_in_measuring(11)\nmain()\n"
        )
        completed = command(*SWEEP, *launcher, "time_limit=5", module="hanging")
    assert completed.returncode == 1, completed.stderr
    sentence = "TimeLimitReached: matching and measuring took longer than `time_limit` = 5 s; the same command with a higher limit, or null, tries again."
    assert f"width=11 failed: {sentence}" in completed.stderr
    assert "1 of 2 jobs found." in completed.stdout
    failures = pd.read_csv(tmp_path / "sweep" / "analysis" / "failures.csv")
    assert failures[["job", "status", "sentence"]].to_numpy().tolist() == [["width=11", "failed", sentence]]
    if not launcher:  # which launcher goes on makes no difference
        again = command(*SWEEP)
        assert again.returncode == 0, again.stderr
        assert "2 of 2 jobs found." in again.stdout


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_ends_a_sweep_with_a_sentence(tmp_path, workers):
    sweep = [
        sys.executable,
        "-m",
        "lmc_sweeps",
        "-m",
        "width=4",
        f"hydra.launcher.workers={workers}",
        "training.epochs=100000",
        "training.checkpoint_seconds=3600",
        "hydra.sweep.dir=sweep",
    ]
    environment = os.environ | {"LMC_SWEEPS_STORE": str(tmp_path / "store"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(sweep, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("training 2 networks")
    time.sleep(1)  # now it is in its trial steps, or in training
    process.send_signal(signal.SIGTERM)
    _, printed = process.communicate(timeout=300)
    assert process.returncode == 143
    assert "Interrupted. The same command with hydra.sweep.dir=sweep goes on where this one stopped." in printed
    assert "Traceback" not in printed
