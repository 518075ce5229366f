"""Launchers: the same bytes whichever is used, Hydra's folders as the basic launcher leaves them, failures that stay a job's own."""

import json
import re
import subprocess

import pandas as pd
import pytest
from omegaconf import OmegaConf
from sharing import made_once
from typed import printed, refusal
from warm_python import NO_FIGURES

from lmc_sweeps.sweeps import work

TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
TIMES = ["seconds_train", "seconds_match", "seconds_evaluate"]
# On a GPU a network's bits may depend on its stack: no promise is made there.
SWEEP = ["-m", "device=cpu", "width=4,9", "seed=0,1", "optimizer=sgd,adamw", "training.epochs=2", "points=3", "matching=[weights]"]
SWEEP += ["matching.weights.transport=assignment"]  # which a new process need not import POT for


def results(folder, store):
    """Return the bytes of every network by name, and the table without its times."""
    networks = {path.name: path.read_bytes() for path in store.rglob("*.safetensors")}
    return networks, pd.read_csv(folder / "analysis" / "runs.csv").drop(columns=TIMES).to_csv()


@pytest.fixture(scope="module")
def reference(tmp_path_factory, warm_python):
    """Run the sweep by Hydra's basic launcher, one network at a time, from an empty store."""

    def run(folder):
        command = ["python", "-m", "lmc_sweeps", *SWEEP, "hydra/launcher=basic", "training.stack=1", "hydra.sweep.dir=sweep"]
        environment = warm_python | NO_FIGURES | {"LMC_SWEEPS_STORE": str(folder / "store")}
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)

    return made_once(tmp_path_factory, "basic", run)


LAUNCHERS = [
    ["training.stack=3"],
    pytest.param(
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        marks=pytest.mark.needs("hydra_plugins.hydra_joblib_launcher"),
    ),
    pytest.param(
        ["hydra/launcher=slurm", "hydra.launcher.cluster=local", "hydra.launcher.least_minutes=0", "hydra.launcher.networks_per_task=6"],
        marks=[
            pytest.mark.cluster,
            pytest.mark.needs("submitit"),
        ],
    ),
]


@pytest.mark.parametrize("launcher", LAUNCHERS, ids=" ".join)
def test_every_launcher_and_stack_gives_the_same_bytes(command, tmp_path, reference, launcher):
    completed = command(*SWEEP, *launcher, "hydra.sweep.dir=sweep", OMP_NUM_THREADS="1" if "training.stack=3" in launcher else "2")
    assert completed.returncode == 0, completed.stderr
    networks, table = results(tmp_path / "sweep", tmp_path / "store")
    expected, expected_table = results(reference / "sweep", reference / "store")
    assert networks == expected
    assert len(networks) == 2 * 2 * 2 * 2  # widths, seeds, optimizers, networks
    assert table == expected_table


def test_the_batched_launchers_folders_and_bytes_are_those_of_the_basic_one(command, tmp_path, reference):
    assert command(*SWEEP, "training.stack=1", "hydra.sweep.dir=sweep", OMP_NUM_THREADS="2").returncode == 0
    basic, batched = reference / "sweep", tmp_path / "sweep"
    assert results(batched, tmp_path / "store") == results(basic, reference / "store")
    jobs = [json.loads(line)["run_id"] for line in (basic / "expected.jsonl").read_text().splitlines()]
    for number, job in enumerate(jobs):
        assert {path.name for path in (batched / job).iterdir()} == {path.name for path in (basic / job).iterdir()}
        for name in ("config.yaml", "overrides.yaml"):
            text, basic_text = ((folder / job / ".hydra" / name).read_text() for folder in (batched, basic))
            assert text.replace(str(tmp_path), str(reference)) == basic_text
        node, basic_node = (OmegaConf.load(folder / job / ".hydra" / "hydra.yaml").hydra for folder in (batched, basic))
        assert node.job.num == basic_node.job.num == number
        for each in (node, basic_node):
            del each["launcher"], each["overrides"]["hydra"], each["runtime"]["output_dir"], each["runtime"]["cwd"]
            del each["runtime"]["choices"]["hydra/launcher"]
        assert OmegaConf.to_yaml(node) == OmegaConf.to_yaml(basic_node)


@pytest.mark.parametrize(
    "launcher",
    [
        [],
        pytest.param(
            ["hydra/launcher=slurm", "hydra.launcher.cluster=local", "hydra.launcher.least_minutes=0", "hydra.launcher.cpus_per_task=1"],
            marks=pytest.mark.needs("submitit"),
        ),
    ],
    ids=["batched", "cluster"],
)
def test_a_job_that_cannot_fit_fails_alone_and_a_secret_that_was_typed_is_not_left(command, tmp_path, launcher):
    # a network of 1e12 neurons, for which no machine has the addresses, whatever the launcher was told
    completed = command(
        "-m",
        "width=4,1000000000000",
        "matching=[identity]",
        "training.epochs=1",
        "points=3",
        "hydra.sweep.dir=sweep",
        f"+hydra.job.env_set.HF_TOKEN={TOKEN}",
        *launcher,
        LMC_SWEEPS_MEMORY_GB="1e12",
    )
    assert completed.returncode == 1
    assert "1 of 2 jobs found." in completed.stdout
    assert "1 of 2 jobs failed" in completed.stderr
    assert len(re.findall(r"\[[12]/2 done\] width=1000000000000 failed: .*[Mm]emory", completed.stderr)) == 1
    failures = pd.read_csv(tmp_path / "sweep" / "analysis" / "failures.csv")
    assert failures[["job", "status"]].to_numpy().tolist() == [["width=1000000000000", "failed"]]
    assert "emory" in failures["sentence"][0]
    assert [path for path in (tmp_path / "sweep").rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()] == []
    if launcher:
        assert "2 jobs in 2 tasks of local" in completed.stderr
        assert len(list((tmp_path / "sweep" / "tasks").glob("*_0_result.pkl"))) == 2


def test_a_sweep_of_finished_jobs_runs_none_of_them(command, tmp_path):
    sweep = ["-m", "width=4,5", "training.epochs=1", "points=3", "hydra.sweep.dir=sweep"]
    assert command(*sweep).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("*") if "analysis" not in path.parts and path.is_file()}
    completed = command(*sweep)
    assert completed.returncode == 0
    assert "2 jobs already have all their results." in completed.stderr
    again = {path: path.stat().st_mtime_ns for path in before}
    assert {path.name for path in before if before[path] != again[path]} <= {
        "multirun.yaml",
        "expected.jsonl",
        ".expected.jsonl.lock",
        ".commands.jsonl.lock",
    }


def test_without_a_store_networks_are_handed_over_in_memory(command, tmp_path):
    completed = command("-m", "width=4", "seed=0,1", "store.dir=null", "training.epochs=1", "points=3", "hydra.sweep.dir=sweep")
    assert completed.returncode == 0, completed.stderr
    assert "2 of 2 jobs found." in completed.stdout
    assert not (tmp_path / "store").exists()


def test_two_sweeps_at_once_on_one_store_and_one_folder(tmp_path, warm_python):
    command = ["python", "-m", "lmc_sweeps", "-m", "width=4,8", "seed=0,1", "training.epochs=2", "points=3", "hydra.sweep.dir=sweep"]
    environment = warm_python | NO_FIGURES | {"LMC_SWEEPS_STORE": str(tmp_path / "store")}
    both = [subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.wait() for process in both if process.communicate()] == [0, 0]
    runs = pd.read_csv(tmp_path / "sweep" / "analysis" / "runs.csv")
    assert runs["run_id"].nunique() == 4
    assert not runs.duplicated(["run_id", "matching", "split"]).any()
    assert list(tmp_path.rglob(".new*")) == []


def test_a_plan_says_what_would_be_done_and_does_nothing(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMC_SWEEPS_STORE", str(tmp_path / "store"))
    sweep = ["-m", "width=4,5", "seed=0,1", "training.epochs=1", "points=3", "hydra.sweep.dir=sweep"]
    plan = printed(capsys, *sweep, "plan=True")
    assert "4 jobs, 0 of them finished, in sweep" in plan
    assert "8 networks, 8 of them to be trained: 184 network-steps" in plan  # 1,437 examples in batches of 64: 23 steps
    assert "nothing was trained, nothing was written" in plan
    assert list(tmp_path.iterdir()) == []
    assert command("-m", "width=4", "seed=0,1", "training.epochs=1", "points=3", "hydra.sweep.dir=sweep").returncode == 0
    plan = printed(capsys, *sweep, "plan=true")
    assert "4 jobs, 2 of them finished, in sweep" in plan
    assert "8 networks, 4 of them to be trained: 92 network-steps" in plan
    assert "1 job, 0 of them finished, in outputs/" in printed(capsys, "plan=true")


def test_a_plan_of_one_job_looks_where_that_job_has_its_folder(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMC_SWEEPS_STORE", "store")
    job = ["width=4", "training.epochs=1", "points=3", "matching=[weights]"]
    for folder in ("mine", "for_${width}/${run_id:}"):
        here = [*job, f"hydra.run.dir={folder}"]
        assert command(*here).returncode == 0
        left = sorted(tmp_path.rglob("*"))
        plan = printed(capsys, *here, "plan=true")
        assert re.search(r"1 job, 1 of them finished, in (mine|for_4/x?\w{16})$", plan, re.MULTILINE)
        assert "1 job, 0 of them finished, in" in printed(capsys, *here, "plane=true", "plan=true")
        assert sorted(tmp_path.rglob("*")) == left


def test_an_error_of_the_trial_steps_fails_the_jobs_of_that_shape_and_no_other(monkeypatch, tmp_path, capsys):
    real = work.stack_times

    def broken(group):
        if group[0].settings.width == 4:
            raise RuntimeError("CUDA error")
        return real(group)

    monkeypatch.setattr(work, "stack_times", broken)
    monkeypatch.chdir(tmp_path)
    words = ["-m", "width=4,5", "training.epochs=1", "points=3", "matching=[weights]", "store.dir=store", "hydra.sweep.dir=sweep"]
    printed_error = refusal(capsys, *words)
    assert "1 of 2 jobs failed" in printed_error
    assert "/2 done] width=4 failed: RuntimeError: CUDA error (see sweep/" in printed_error
    runs, failures = (pd.read_csv(tmp_path / "sweep" / "analysis" / name) for name in ("runs.csv", "failures.csv"))
    assert set(runs["width"]) == {5}
    assert list(failures["job"]) == ["width=4"]
    assert list(failures["sentence"]) == ["RuntimeError: CUDA error"]


def test_a_job_that_was_interrupted_goes_last(command, tmp_path):
    sweep = ["-m", "training.epochs=1", "points=3", "matching=[weights]", "hydra.sweep.dir=sweep"]
    assert command(*sweep, "width=4").returncode == 0
    (record,) = (tmp_path / "sweep").glob("*/record.json")
    record.unlink()
    completed = command(*sweep, "width=4,5")  # the networks of width 4 are there, those of width 5 are not
    assert completed.returncode == 0, completed.stderr
    first, second = (line for line in completed.stderr.splitlines() if "/2 done] " in line)
    assert ("width=5" in first, "width=4" in second) == (True, True)
