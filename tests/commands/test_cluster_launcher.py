"""The launcher for clusters, with submitit's local executor in the place of Slurm: tasks that are killed, stopped, left, and come back."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from typed import printed, refusal

pytestmark = pytest.mark.needs("submitit")
TIMES = ["seconds_train", "seconds_match", "seconds_evaluate"]
LOCAL = ["hydra/launcher=slurm", "hydra.launcher.cluster=local", "hydra.launcher.least_minutes=0", "hydra.launcher.cpus_per_task=1"]
# One task at a time, and the first one long enough to be met in training
LONG = ["-m", "width=64,4", "seed=0,1", "training.epochs=300", "training.checkpoint_seconds=0.3", "training.stack=4", "points=3"]
ONE = "hydra.launcher.array_parallelism=1"
TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a sweep in a folder, in a process group of its own."""
    command = [sys.executable, "-m", "lmc_sweeps", *words, "hydra.sweep.dir=sweep"]
    environment = os.environ | {"LMC_SWEEPS_STORE": str(folder / "store"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def training_task(folder: Path, sweep: subprocess.Popen[str]) -> tuple[str, int]:
    """Wait for a task that has kept half-trained networks, and return its name and the number of its process."""
    while sweep.poll() is None:
        for log in (folder / "sweep" / "tasks").glob("*_0_log.out"):
            if "kept" in log.read_text():
                controller = log.name.partition("_")[0]
                return controller, int(Path(f"/proc/{controller}/task/{controller}/children").read_text().split()[0])
        time.sleep(0.05)
    raise AssertionError(f"the sweep ended before any task was met in training: {sweep.communicate()}")


def left_behind(folder: Path):
    """Return the networks by name and the table of a sweep without its times."""
    networks = {path.name: path.read_bytes() for path in folder.glob("store/*/*.safetensors")}
    return networks, pd.read_csv(folder / "sweep" / "analysis" / "runs.csv").drop(columns=TIMES).to_csv()


def with_token(sweep: Path) -> list[Path]:
    """Return the files in a folder of a sweep that hold the token that was typed."""
    return [path for path in sweep.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Run the long sweep by the batched launcher."""
    folder = tmp_path_factory.mktemp("undisturbed")
    sweep = started(folder, *LONG)
    assert sweep.communicate()
    assert sweep.returncode == 0
    return left_behind(folder)


@pytest.mark.cluster
def test_a_task_that_is_killed_fails_its_jobs_with_its_log_and_no_other_and_the_same_command_goes_on(tmp_path, undisturbed):
    sweep = started(tmp_path, *LONG, *LOCAL, ONE)
    name, process = training_task(tmp_path, sweep)
    os.kill(process, signal.SIGKILL)
    out, printed_error = sweep.communicate()
    assert sweep.returncode == 1
    log = tmp_path / "sweep" / "tasks" / f"{name}_0_log.err"
    assert log.is_file()
    sentence = f"task {name} ended without a result (its process was killed, or never started); its log is {log}"
    assert re.findall(r"width=64 seed=(.) failed: TaskError: (.*) \(see sweep/", printed_error) == [("0", sentence), ("1", sentence)]
    assert "2 of 4 jobs failed" in printed_error
    assert "2 of 4 jobs found." in out
    failures = pd.read_csv(tmp_path / "sweep" / "analysis" / "failures.csv")
    assert list(failures["job"]) == ["width=64 seed=0", "width=64 seed=1"]
    assert list(failures["sentence"]) == [f"TaskError: {sentence}"] * 2

    again = started(tmp_path, *LONG, *LOCAL, ONE)
    out, printed_error = again.communicate()
    assert again.returncode == 0, printed_error
    assert "2 jobs already have all their results." in printed_error
    assert "2 jobs in 1 tasks of local" in printed_error
    logs = "".join(path.read_text() for path in (tmp_path / "sweep" / "tasks").glob("*_log.out"))
    assert re.search(r"going on with 4 networks at step [1-9]", logs)
    assert left_behind(tmp_path) == undisturbed


@pytest.mark.cluster
def test_a_task_that_is_told_to_stop_comes_back_and_goes_on_from_its_half_trained_networks(tmp_path, undisturbed):
    sweep = started(tmp_path, *LONG, *LOCAL, ONE)
    name, process = training_task(tmp_path, sweep)
    os.kill(process, signal.SIGUSR2)  # what Slurm sends before a time-out or, where it is told to, a preemption
    _, printed_error = sweep.communicate()
    assert sweep.returncode == 0, printed_error
    log = (tmp_path / "sweep" / "tasks" / f"{name}_0_log.out").read_text()
    assert log.count("Starting with") == 2
    assert re.search(r"Requeued job .*going on with 4 networks at step [1-9]", log, re.DOTALL)
    assert left_behind(tmp_path) == undisturbed


@pytest.mark.cluster
def test_ctrl_c_stops_the_tasks_on_this_machine_and_says_so(tmp_path):
    sweep = started(tmp_path, *LONG, *LOCAL, ONE)
    _, process = training_task(tmp_path, sweep)
    os.kill(sweep.pid, signal.SIGINT)  # to the launcher alone; a terminal's goes to the tasks as well
    _, printed_error = sweep.communicate()
    assert sweep.returncode == 130
    assert "1 tasks on this machine were stopped." in printed_error
    assert list((tmp_path / "sweep" / "tasks").glob("*_submitted.pkl")) == []
    assert "The same command with hydra.sweep.dir=sweep goes on where this one stopped." in printed_error
    until = time.monotonic() + 60
    while Path(f"/proc/{process}/cmdline").exists() and Path(f"/proc/{process}/cmdline").read_bytes() and time.monotonic() < until:
        time.sleep(0.1)
    assert time.monotonic() < until


def test_a_task_that_never_started_has_no_log_to_be_named_and_what_was_typed_is_not_left(command, tmp_path):
    words = ["training.epochs=1", "points=3", "hydra.sweep.dir=sweep", *LOCAL, "hydra.launcher.setup=[cd nowhere]"]
    completed = command("-m", "width=4", *words, f"+hydra.job.env_set.HF_TOKEN={TOKEN}")
    assert completed.returncode == 1
    folder = re.escape(str(tmp_path / "sweep" / "tasks"))
    assert re.search(rf"TaskError: task \d+ ended without a result .*; it ended before it could write a log in {folder} ", completed.stderr)
    assert with_token(tmp_path / "sweep") == []


def test_without_submitit_nothing_is_begun(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for module in [name for name in sys.modules if name.partition(".")[0] == "submitit"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "submitit", None)
    message = refusal(capsys, "-m", "width=4", "hydra/launcher=slurm", "hydra.sweep.dir=sweep")
    assert message.strip() == "`hydra/launcher=slurm` needs submitit: pip install 'lmc-sweeps[slurm]'"
    assert list(tmp_path.iterdir()) == []


def test_without_slurm_nothing_is_begun_and_the_way_to_try_it_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(capsys, "-m", "width=4", "hydra/launcher=slurm", "hydra.sweep.dir=sweep").strip() == (
        "`hydra.launcher.cluster` slurm needs Slurm's sbatch, srun, squeue on this machine's PATH; run the command where you run sbatch, "
        "or try it out on this machine with hydra.launcher.cluster=local."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_breaks_its_rule_is_refused_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    message = refusal(capsys, "-m", "width=4", *LOCAL, "hydra.launcher.timeout_min=1", "hydra.sweep.dir=sweep")
    assert message.startswith("`hydra.launcher.timeout_min` must leave a task time to work before its stop signal")
    assert list(tmp_path.iterdir()) == []


def test_a_plan_says_how_many_tasks_there_would_be(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LMC_SWEEPS_STORE", str(tmp_path / "store"))
    words = ["-m", "width=4,5", "seed=0,1,2", "training.epochs=1", "points=3", "hydra/launcher=slurm", "plan=true"]
    plan = printed(capsys, *words, "hydra.launcher.networks_per_task=4", "hydra.launcher.least_minutes=0")
    assert "slurm: 4 tasks of up to 2 jobs, at most 120 min at a time\nplan=true" in plan
    assert (
        refusal(capsys, *words, "hydra.launcher.cpus_per_task=0").strip()
        == "`hydra.launcher.cpus_per_task` must be a positive integer, got 0."
    )
