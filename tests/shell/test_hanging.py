"""Jobs that hang, and commands that are told to end: a sentence, no result lost, and the same command goes on."""

import importlib.util
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

SWEEP = ["-m", "width=4,11,6", "training.epochs=1", "points=3", "matching=[weights]", "hydra.sweep.dir=sweep"]
# Loaded by every Python process that finds it, workers of joblib too: measuring networks of width 11 takes ten minutes.
PLANT = """
import importlib.abc, importlib.util, sys, time

class Plant(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "lmc_sweeps.job":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def plant(module):
            load(module)
            real = module.compare_pair

            def hanging(architecture, a, b, *others):
                if any(11 in tensor.shape for tensor in a.values()):
                    time.sleep(600)
                return real(architecture, a, b, *others)

            module.compare_pair = hanging

        spec.loader.exec_module = plant
        return spec

sys.meta_path.insert(0, Plant())
"""
JOBLIB = pytest.param(
    ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    marks=pytest.mark.skipif(
        importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher") is None, reason="the joblib launcher is not installed"
    ),
)


@pytest.mark.parametrize("launcher", [[], JOBLIB], ids=["batched", "joblib"])
def test_a_job_that_hangs_fails_alone_and_is_done_when_it_hangs_no_more(command, tmp_path, launcher):
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "sitecustomize.py").write_text(PLANT)
    path = os.pathsep.join([str(tmp_path / "planted"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = command(*SWEEP, *launcher, "time_limit=8", PYTHONPATH=path)
    assert done.returncode == 1, done.stderr
    sentence = "TimeLimitReached: matching and measuring took longer than `time_limit` = 8 s; the same command with a higher limit, or null, tries again."
    assert f"width=11 failed: {sentence}" in done.stderr
    assert "2 of 3 jobs found." in done.stdout
    failures = pd.read_csv(tmp_path / "sweep" / "analysis" / "failures.csv")
    assert failures[["job", "status", "sentence"]].to_numpy().tolist() == [["width=11", "failed", sentence]]
    again = command(*SWEEP, *launcher)
    assert again.returncode == 0, again.stderr
    assert "3 of 3 jobs found." in again.stdout


def test_sigterm_ends_a_sweep_with_a_sentence(tmp_path):
    sweep = [
        sys.executable,
        "-m",
        "lmc_sweeps",
        "-m",
        "width=4",
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
    _, said = process.communicate(timeout=300)
    assert process.returncode == 143
    assert "Interrupted. The same command with hydra.sweep.dir=sweep goes on where this one stopped." in said
    assert "Traceback" not in said
