"""examples/own_parts, copied to a folder outside of the project: its tests, and a sweep with all of its parts by one command."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from sharing import made_once
from warm_python import NO_FIGURES

import multirun_analysis

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "own_parts"
SWEEP = (
    "dataset=arrays dataset.file=arrays.npz model=residual depth=1,2 width=4 matching=norms,weights,activations "
    "matching.weights.transport=linear_program repair=none,bias_norm training.epochs=1 training.batch_size=16 points=3 "
    "logger=json_lines hydra.sweep.dir=own -m"
)
Run = Callable[..., str]


@pytest.fixture(scope="session")
def run(warm_python: dict[str, str]) -> Run:
    """Return a function that runs a command in a folder, which must end well, and returns what it prints."""

    def run(folder: Path, *words: str, **environment: str) -> str:
        own = {"LMC_SWEEPS_STORE": str(folder / "store"), **NO_FIGURES, **environment}
        python = shutil.which("python", path=warm_python["PATH"])
        completed = subprocess.run([python, *words], cwd=folder, env=warm_python | own, capture_output=True, text=True, check=False)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    return run


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """Return a copy of the example in which its sweep was run, once for all processes."""

    def make(folder: Path) -> None:
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        run(folder, "make_arrays.py")
        run(folder, "run.py", *SWEEP.split())

    return made_once(tmp_path_factory, "own_parts", make)


@pytest.mark.slow
def test_the_tests_of_the_example_pass_where_they_are_copied_to(folder, run):
    printed = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error::pytest.PytestUnraisableExceptionWarning")
    assert re.search(r"\d+ passed", printed)


@pytest.mark.slow
def test_a_sweep_has_all_parts_and_every_permuted_network_is_the_same_function(folder):
    runs = multirun_analysis.load_runs(folder / "own")
    assert set(runs["matching"]) == {"identity", "norms", "weights", "activations"}
    assert set(runs["repair"]) == {"none", "bias_norm"}
    assert set(runs["model"]) == {"residual"}
    assert set(runs["dataset"]) == {"arrays"}
    logged = [json.loads(line)["run_id"] for line in (folder / "own" / "results.jsonl").read_text().splitlines()]
    assert sorted(logged) == sorted(set(runs["run_id"]))
    assert sorted(set(runs["depth"])) == [1, 2]
    assert runs["function_gap"].max() < 1e-5
    layers = pd.read_csv(folder / "own" / "analysis" / "layers.csv")
    matched = layers[layers["matching"] == "weights"]
    assert (matched["matching_cost"] <= matched["identity_cost"] + 1e-9).all()


LOADED = """
import pathlib, torch, lmc_sweeps
pair = lmc_sweeps.load_networks(next(pathlib.Path("own").glob("*/record.json")), store="store")
x = torch.randn(5, 6)
for aligned in pair.aligned.values():
    torch.testing.assert_close(aligned(x), pair.network_b(x), rtol=1e-4, atol=1e-5)
print(type(pair.network_a).__module__)
"""


@pytest.mark.slow
def test_networks_are_loaded_where_the_environment_names_the_folder(folder, run):
    assert run(folder, "-c", LOADED, LMC_SWEEPS_PARTS="parts").strip() == "lmc_sweeps.models.residual"


@pytest.mark.slow
def test_worker_processes_of_joblib_know_the_parts(folder, run, tmp_path):
    words = SWEEP.replace("depth=1,2", "seed=5").replace("hydra.sweep.dir=own", f"hydra.sweep.dir={tmp_path / 'own'}").split()
    printed = run(folder, "-m", "lmc_sweeps", "hydra/launcher=joblib", "hydra.launcher.n_jobs=1", *words, LMC_SWEEPS_PARTS="parts")
    assert "1 of 1 jobs found." in printed
