"""Tasks of Slurm and of this machine: scripts on the PATH stand in for Slurm's programs and its queue."""

import os

import pytest

from lmc_sweeps.cluster import backends
from lmc_sweeps.cluster.backends import LocalTasks, SlurmTasks, how_it_ended
from lmc_sweeps.cluster.task_settings import ClusterSettings
from lmc_sweeps.common.checks import InputError

submitit = pytest.importorskip("submitit", reason="needs submitit")


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that puts a program on the PATH, a line of shell each."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name, line):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    return put


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that a test turns by hand, and with it the one that the queue is watched by."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    hand = Clock()
    monkeypatch.setattr(backends, "time", hand)
    return hand


def slurm_tasks(tmp_path):
    return SlurmTasks(ClusterSettings.from_config({}), tmp_path)


def submitted(tmp_path, job_id):
    return submitit.SlurmJob(folder=tmp_path, job_id=job_id, tasks=[0])


def test_a_task_has_ended_when_it_is_out_of_the_queue_for_a_while(tmp_path, program, clock):
    tasks, jobs = slurm_tasks(tmp_path), [submitted(tmp_path, f"7_{k}") for k in range(3)]
    program("squeue", "echo '7_0|RUNNING|None'; echo '7_2|PENDING|Resources'")
    program("scontrol", "echo 'JobId=8 ArrayJobId=7 JobState=FAILED Reason=NonZeroExitCode ExitCode=137:0 Comment=a b'")
    assert tasks.look(jobs) == "1 running, 1 out of the queue, 1 pending (Resources)"
    assert [tasks.end(job) for job in jobs] == [None, None, None]
    clock.now += backends.GRACE + 1
    tasks.look(jobs)
    assert [tasks.end(job) for job in jobs] == [None, "FAILED, exit code 137:0", None]


def test_a_task_that_comes_back_to_the_queue_goes_on(tmp_path, program, clock):
    tasks, job = slurm_tasks(tmp_path), submitted(tmp_path, "7_0")
    program("squeue", "true")
    tasks.look([job])
    clock.now += backends.QUEUE_EVERY
    program("squeue", "echo '7_0|PENDING|BeginTime'")
    assert tasks.look([job]) == "1 pending (BeginTime)"
    clock.now += backends.QUEUE_EVERY
    program("squeue", "true")
    tasks.look([job])
    clock.now += backends.GRACE - 1
    assert tasks.end(job) is None


def test_a_queue_that_does_not_answer_ends_no_task(tmp_path, program, clock):
    tasks, job = slurm_tasks(tmp_path), submitted(tmp_path, "7_0")
    program("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    for _ in range(20):
        assert tasks.look([job]) == "1 submitted"
        clock.now += backends.GRACE
        assert tasks.end(job) is None


def test_a_task_that_was_missed_once_is_not_given_up_while_the_queue_does_not_answer_again(tmp_path, program, clock):
    tasks, job = slurm_tasks(tmp_path), submitted(tmp_path, "7_0")
    program("squeue", "true")
    tasks.look([job])
    program("squeue", "exit 1")
    for _ in range(20):
        clock.now += backends.GRACE
        tasks.look([job])
        assert tasks.end(job) is None
    program("squeue", "true")
    clock.now += backends.GRACE
    tasks.look([job])
    assert tasks.end(job) is not None


def test_the_queue_is_not_asked_at_every_look(tmp_path, program, clock):
    tasks, job = slurm_tasks(tmp_path), submitted(tmp_path, "7_0")
    program("squeue", f"echo x >> {tmp_path}/asked; echo '7_0|RUNNING|None'")
    for _ in range(10):
        tasks.look([job])
        clock.now += backends.QUEUE_EVERY / 5
    assert (tmp_path / "asked").read_text().count("x") == 2


def test_how_a_task_ended_is_asked_of_the_accounting_where_the_controller_has_forgotten_it(program):
    program("scontrol", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    program("sacct", "echo 'OUT_OF_MEMORY|0:125'")
    assert how_it_ended("7_0") == "OUT_OF_MEMORY, exit code 0:125"
    program("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    assert how_it_ended("7_0") == ""


def test_a_submission_that_slurm_refuses_is_told_in_its_words(tmp_path, program):
    program("srun", "true")
    program("sbatch", "echo 'sbatch: error: invalid partition specified: gpu' >&2; exit 1")
    with pytest.raises(InputError, match="^Slurm did not take the tasks: .*invalid partition specified: gpu"):
        slurm_tasks(tmp_path).submit([str])


def test_a_submission_asks_sbatch_for_what_the_settings_say(tmp_path, program):
    program("srun", "true")
    program("sbatch", f"cp $1 {tmp_path}/script; echo 'Submitted batch job 41'")
    values = {"partition": "long", "account": "me", "qos": "low", "gpus_per_node": 1, "setup": ["module load x"], "array_parallelism": 3}
    settings = ClusterSettings.from_config({**values, "timeout_min": 30, "additional_parameters": {"constraint": "epyc"}})
    jobs = SlurmTasks(settings, tmp_path / "tasks").submit([str] * 5)
    assert [job.job_id for job in jobs] == [f"41_{k}" for k in range(5)]
    lines = (tmp_path / "script").read_text().splitlines()
    expected = ["partition=long", "account=me", "qos=low", "gpus-per-node=1", "array=0-4%3", "time=30", "signal=USR2@90", "constraint=epyc"]
    assert {f"#SBATCH --{word}" for word in [*expected, "mem=8GB", "cpus-per-task=2", "job-name=lmc_sweeps"]} <= set(lines)
    assert lines.index("module load x") < next(k for k, line in enumerate(lines) if line.startswith("srun"))


def test_on_this_machine_there_are_no_more_tasks_at_once_than_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(backends, "cores", lambda: 8)
    tasks = LocalTasks(ClusterSettings.from_config({"cluster": "local", "cpus_per_task": 3}), tmp_path)
    assert [tasks.room(n_submitted) for n_submitted in (0, 1, 2, 5)] == [2, 1, 0, 0]
    capped = LocalTasks(ClusterSettings.from_config({"cluster": "local", "array_parallelism": 1}), tmp_path)
    assert [capped.room(n_submitted) for n_submitted in (0, 1)] == [1, 0]
