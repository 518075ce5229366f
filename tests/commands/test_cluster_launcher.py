"""The launcher for clusters, with submitit's local executor in the place of Slurm: tasks that are killed, stopped, left, and come back."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.utils import JobStatus

from lmc_sweeps.cluster import waiting as cluster_waiting
from lmc_sweeps.cluster.backends import ClusterSettings, LocalTasks, SlurmTasks
from lmc_sweeps.cluster.launcher import ClusterLauncher
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.records import write_failure
from lmc_sweeps.sweeps.config import conf_dir, prepare
from lmc_sweeps.sweeps.launcher import Job

pytestmark = pytest.mark.needs("submitit")
TIMES = ["seconds_train", "seconds_match", "seconds_evaluate"]
LOCAL = ["hydra/launcher=slurm", "hydra.launcher.cluster=local", "hydra.launcher.least_minutes=0", "hydra.launcher.cpus_per_task=1"]
# One task at a time, and the first one long enough to be met in training
LONG = ["-m", "width=64,4", "seed=0,1", "training.epochs=300", "training.checkpoint_seconds=0.3", "training.stack=4", "points=3"]
ONE = "hydra.launcher.array_parallelism=1"
TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


def started(where: Path, *words: str) -> subprocess.Popen[str]:
    """Start a sweep in a folder, in a process group of its own."""
    command = [sys.executable, "-m", "lmc_sweeps", *words, "hydra.sweep.dir=sweep"]
    environment = os.environ | {"LMC_SWEEPS_STORE": str(where / "store"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=where, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def training_task(where: Path, sweep: subprocess.Popen[str]) -> tuple[str, int]:
    """Wait for a task that has kept half-trained networks, and return its name and the number of its process."""
    while sweep.poll() is None:
        for log in (where / "sweep" / "tasks").glob("*_0_log.out"):
            if "kept" in log.read_text():
                controller = log.name.partition("_")[0]
                return controller, int(Path(f"/proc/{controller}/task/{controller}/children").read_text().split()[0])
        time.sleep(0.05)
    raise AssertionError(f"the sweep ended before any task was met in training: {sweep.communicate()}")


def left_behind(where: Path):
    """Return the networks by name and the table of a sweep without its times."""
    networks = {path.name: path.read_bytes() for path in where.glob("store/*/*.safetensors")}
    return networks, pd.read_csv(where / "sweep" / "analysis" / "runs.csv").drop(columns=TIMES).to_csv()


def with_token(sweep: Path) -> list[Path]:
    """Return the files in a folder of a sweep that hold the token that was typed."""
    return [path for path in sweep.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Run the long sweep by the batched launcher."""
    where = tmp_path_factory.mktemp("undisturbed")
    sweep = started(where, *LONG)
    assert sweep.communicate()
    assert sweep.returncode == 0
    return left_behind(where)


@pytest.mark.cluster
def test_a_task_that_is_killed_fails_its_jobs_with_its_log_and_no_other_and_the_same_command_goes_on(tmp_path, undisturbed):
    sweep = started(tmp_path, *LONG, *LOCAL, ONE)
    name, process = training_task(tmp_path, sweep)
    os.kill(process, signal.SIGKILL)
    out, said = sweep.communicate()
    assert sweep.returncode == 1
    log = tmp_path / "sweep" / "tasks" / f"{name}_0_log.err"
    assert log.is_file()
    sentence = f"task {name} ended without a result (its process was killed, or never started); its log is {log}"
    assert re.findall(r"width=64 seed=(.) failed: TaskError: (.*) \(see sweep/", said) == [("0", sentence), ("1", sentence)]
    assert "2 of 4 jobs failed" in said
    assert "2 of 4 jobs found." in out
    failures = pd.read_csv(tmp_path / "sweep" / "analysis" / "failures.csv")
    assert list(failures["job"]) == ["width=64 seed=0", "width=64 seed=1"]
    assert list(failures["sentence"]) == [f"TaskError: {sentence}"] * 2

    again = started(tmp_path, *LONG, *LOCAL, ONE)
    out, said = again.communicate()
    assert again.returncode == 0, said
    assert "2 jobs have all their results already." in said
    assert "2 jobs in 1 tasks of local" in said
    logs = "".join(path.read_text() for path in (tmp_path / "sweep" / "tasks").glob("*_log.out"))
    assert re.search(r"going on with 4 networks at step [1-9]", logs)
    assert left_behind(tmp_path) == undisturbed


@pytest.mark.cluster
def test_a_task_that_is_told_to_stop_comes_back_and_goes_on_from_its_half_trained_networks(tmp_path, undisturbed):
    sweep = started(tmp_path, *LONG, *LOCAL, ONE)
    name, process = training_task(tmp_path, sweep)
    os.kill(process, signal.SIGUSR2)  # what Slurm sends before a time-out or, where it is told to, a preemption
    _, said = sweep.communicate()
    assert sweep.returncode == 0, said
    log = (tmp_path / "sweep" / "tasks" / f"{name}_0_log.out").read_text()
    assert log.count("Starting with") == 2
    assert re.search(r"Requeued job .*going on with 4 networks at step [1-9]", log, re.DOTALL)
    assert left_behind(tmp_path) == undisturbed


@pytest.mark.cluster
def test_ctrl_c_stops_the_tasks_on_this_machine_and_says_so(tmp_path):
    sweep = started(tmp_path, *LONG, *LOCAL, ONE)
    _, process = training_task(tmp_path, sweep)
    os.kill(sweep.pid, signal.SIGINT)  # to the launcher alone; a terminal's goes to the tasks as well
    _, said = sweep.communicate()
    assert sweep.returncode == 130
    assert "1 tasks on this machine were stopped." in said
    assert list((tmp_path / "sweep" / "tasks").glob("*_submitted.pkl")) == []
    assert "The same command with hydra.sweep.dir=sweep goes on where this one stopped." in said
    until = time.monotonic() + 60
    while Path(f"/proc/{process}/cmdline").exists() and Path(f"/proc/{process}/cmdline").read_bytes() and time.monotonic() < until:
        time.sleep(0.1)
    assert time.monotonic() < until


def test_jobs_that_fail_say_why_in_the_words_of_the_launcher_that_ran_them_and_what_was_typed_is_not_left(command, tmp_path):
    # a network of 1e12 neurons, for which no machine has the addresses, whatever the launcher was told
    done = command(
        "-m",
        "width=4,1000000000000",
        "matching=[identity]",
        "training.epochs=1",
        "points=3",
        "hydra.sweep.dir=sweep",
        f"+hydra.job.env_set.HF_TOKEN={TOKEN}",
        *LOCAL,
        LMC_SWEEPS_MEMORY_GB="1e12",
    )
    assert done.returncode == 1
    assert "1 of 2 jobs found." in done.stdout
    assert "2 jobs in 2 tasks of local" in done.stderr
    assert len(re.findall(r"\[2/2\] width=1000000000000 failed: .*[Mm]emory", done.stderr)) == 1
    failures = pd.read_csv(tmp_path / "sweep" / "analysis" / "failures.csv")
    assert list(failures["job"]) == ["width=1000000000000"]
    assert "emory" in failures["sentence"][0]
    assert len(list((tmp_path / "sweep" / "tasks").glob("*_0_result.pkl"))) == 2
    assert with_token(tmp_path / "sweep") == []


def test_what_a_task_was_submitted_with_goes_once_its_result_is_there_and_not_before(tmp_path):
    for name in ("7_0_submitted.pkl", "7_0_0_result.pkl", "7_1_submitted.pkl"):
        (tmp_path / name).touch()
    cluster_waiting.drop_submissions_of_ended(SlurmTasks(ClusterSettings.of({}), tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"7_0_0_result.pkl", "7_1_submitted.pkl"}


@pytest.mark.parametrize("answer", [None, "9_0|PENDING|None\n"], ids=["no answer", "gone"])
def test_a_queue_that_does_not_answer_deletes_nothing_of_what_a_task_was_submitted_with(tmp_path, monkeypatch, answer):
    cluster_waiting.noted(tmp_path, cluster_waiting.Submitted(SimpleNamespace(job_id="7_0"), [job(0, tmp_path, "width=4")]))
    (tmp_path / "7_0_submitted.pkl").touch()
    monkeypatch.setattr("lmc_sweeps.cluster.backends.asked", lambda *command: answer)
    assert list(cluster_waiting.still_there(SlurmTasks(ClusterSettings.of({}), tmp_path), [job(0, tmp_path, "width=4")])) == []
    assert (tmp_path / "7_0_submitted.pkl").exists() == (answer is None)


def test_a_task_that_never_started_has_no_log_to_be_named_and_what_was_typed_is_not_left(command, tmp_path):
    words = ["training.epochs=1", "points=3", "hydra.sweep.dir=sweep", *LOCAL, "hydra.launcher.setup=[cd nowhere]"]
    done = command("-m", "width=4", *words, f"+hydra.job.env_set.HF_TOKEN={TOKEN}")
    assert done.returncode == 1
    folder = re.escape(str(tmp_path / "sweep" / "tasks"))
    assert re.search(rf"TaskError: task \d+ ended without a result .*; it did not come so far as to write a log in {folder} ", done.stderr)
    assert with_token(tmp_path / "sweep") == []


def broken() -> None:
    raise OSError("the disk of this node is gone")


def test_a_task_that_cannot_begin_is_told_with_the_last_line_of_its_error_and_its_log(tmp_path):
    tasks = LocalTasks(ClusterSettings.of({"cluster": "local"}), tmp_path)
    (submitted,) = tasks.submit([broken])
    task = cluster_waiting.Submitted(submitted, [])
    until = time.monotonic() + 120
    while (told := cluster_waiting.outcome(tasks, task)) is None and time.monotonic() < until:
        time.sleep(0.1)
    log = tmp_path / f"{submitted.job_id}_0_log.err"
    assert told == f"task {submitted.job_id} failed (OSError: the disk of this node is gone); its log is {log}"


def test_a_result_that_is_a_pipe_holds_nobody_up(tmp_path):
    result = tmp_path / "7_0_result.pkl"
    os.mkfifo(result)
    job = SimpleNamespace(job_id="7_0", paths=SimpleNamespace(result_pickle=result, stderr=tmp_path / "7_0_log.err"))
    said = cluster_waiting.outcome(LocalTasks(ClusterSettings(cluster="local"), tmp_path), cluster_waiting.Submitted(job, []))
    assert said.startswith("task 7_0 failed (")
    assert "it is a pipe or a device, not a regular file" in said


def test_without_submitit_nothing_is_begun(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for module in [name for name in sys.modules if name.partition(".")[0] == "submitit"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "submitit", None)
    from typed import refusal  # here, for this module is pickled by name, and a task does not have the tests' folders on its path

    said = refusal(capsys, "-m", "width=4", "hydra/launcher=slurm", "hydra.sweep.dir=sweep")
    assert said.strip() == "`hydra/launcher=slurm` needs submitit: pip install 'lmc-sweeps[slurm]'"
    assert list(tmp_path.iterdir()) == []


def test_without_slurm_nothing_is_begun_and_the_way_to_try_it_is_named(command, tmp_path):
    done = command("-m", "width=4", "hydra/launcher=slurm", "hydra.sweep.dir=sweep", PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        "`hydra.launcher.cluster` slurm needs Slurm's sbatch, srun, squeue on this machine's PATH; run the command where you run sbatch, "
        "or try it out on this machine with hydra.launcher.cluster=local.\n"
    )
    assert not (tmp_path / "sweep").exists()


def test_a_setting_that_breaks_its_rule_is_refused_before_anything_is_written(command, tmp_path):
    done = command("-m", "width=4", *LOCAL, "hydra.launcher.timeout_min=1", "hydra.sweep.dir=sweep")
    assert done.returncode == 1
    assert done.stderr.startswith("`hydra.launcher.timeout_min` must leave a task time to work before it is told to stop")
    assert not (tmp_path / "sweep").exists()


def test_a_plan_says_how_many_tasks_there_would_be(command, tmp_path):
    words = ["-m", "width=4,5", "seed=0,1,2", "training.epochs=1", "points=3", "hydra/launcher=slurm", "plan=true"]
    done = command(*words, "hydra.launcher.networks_per_task=4", "hydra.launcher.least_minutes=0", PATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "slurm: 4 tasks of up to 2 jobs, at most 120 min at a time\nplan=true" in done.stdout
    assert command(*words, "hydra.launcher.cpus_per_task=0").stderr == "`hydra.launcher.cpus_per_task` must be a positive integer, got 0.\n"


def asked(device="cpu", stack_gib=None):
    return SimpleNamespace(settings=SimpleNamespace(device=device, training=SimpleNamespace(stack_gib=stack_gib)))


def test_jobs_that_ask_for_more_than_a_task_has_are_refused():
    with pytest.raises(InputError, match=r"^`hydra.launcher.gpus_per_node` must be at least 1 for `device` cuda:0, got null.$"):
        ClusterLauncher(cluster="local").check([asked(), asked(device="cuda:0")])
    with pytest.raises(InputError, match=r"^`hydra.launcher.mem_gb` must be above .* `training.stack_gib` \(8 GiB\), got 8.$"):
        ClusterLauncher(cluster="local").check([asked(stack_gib=8)])
    ClusterLauncher(cluster="local", gpus_per_node=1).check([asked(device="cuda:0", stack_gib=60)])
    ClusterLauncher(cluster="local", mem_gb=None).check([asked(stack_gib=60)])


def test_of_a_task_that_was_killed_the_jobs_that_are_finished_count_and_those_that_failed_keep_their_reasons(command, tmp_path, capsys):
    words = ["training.epochs=1", "points=3", "matching=[weights]"]
    assert command("-m", "width=4", *words, "hydra.sweep.dir=sweep").returncode == 0
    jobs = []
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for number in range(3):
            prepared = prepare(compose("config", ["width=4", f"seed={number}", *words]))
            jobs.append(Job(number, [], prepared, tmp_path / "sweep" / prepared.run_id, f"job {number}", {}, set()))
    news = cluster_waiting.News(jobs)
    write_failure(jobs[1].folder, jobs[1].prepared.run_id, {}, "ValueError: its own reason")
    came = [cluster_waiting.came_of(job, "task 7_0 ended without a result (FAILED); its log is x.err", news) for job in jobs]
    assert [found.status for found in came] == [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.FAILED]
    records = [json.loads((job.folder / "record.json").read_text()) for job in jobs]
    assert [record["status"] for record in records] == ["ok", "failed", "failed"]
    assert records[1]["sentence"] == "ValueError: its own reason"
    assert records[2]["sentence"] == "TaskError: task 7_0 ended without a result (FAILED); its log is x.err"
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [lines[0].partition(":")[0], "job 1 failed", "job 2 failed"]
    assert re.match(r"job 0 .* test loss barrier", lines[0])


def job(number, folder, *overrides):
    return Job(number, list(overrides), SimpleNamespace(run_id=f"run{number}"), folder, "", {}, set())


def test_tasks_that_are_still_in_the_queue_are_waited_for_by_the_jobs_that_are_in_them(tmp_path, monkeypatch):
    tasks = SlurmTasks(ClusterSettings.of({}), tmp_path)
    for name, members in {"7_0": [job(0, tmp_path, "width=4"), job(1, tmp_path, "width=5")], "7_1": [job(2, tmp_path, "width=6")]}.items():
        cluster_waiting.noted(tmp_path, cluster_waiting.Submitted(SimpleNamespace(job_id=name), members))
        (tmp_path / f"{name}_submitted.pkl").touch()
    (tmp_path / "8_0.json").write_text("no note of ours")
    monkeypatch.setattr("lmc_sweeps.cluster.backends.asked", lambda *command: "7_0|RUNNING|None\n9_0|PENDING|None\n")
    # job 1 is asked for in other words now, job 2's task is gone
    jobs = [job(0, tmp_path, "width=4"), job(1, tmp_path, "width=5", "plane=true"), job(2, tmp_path, "width=6")]
    (found,) = cluster_waiting.still_there(tasks, jobs)
    assert found.job.job_id == "7_0"
    assert found.members == [jobs[0]]
    assert {path.name for path in tmp_path.glob("*.json")} == {"7_0.json", "8_0.json"}
    assert {path.name for path in tmp_path.glob("*.pkl")} == {"7_0_submitted.pkl"}  # what a task begins with that comes back
    assert json.loads((tmp_path / "7_0.json").read_text()) == [["run0", ["width=4"]], ["run1", ["width=5"]]]
