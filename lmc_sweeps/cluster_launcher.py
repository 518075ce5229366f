"""A launcher that divides a sweep's unfinished jobs into tasks of a cluster; in each of them a batched launcher runs its share."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from lmc_sweeps.checkpoints import write_atomically
from lmc_sweeps.checks import InputError
from lmc_sweeps.cluster import GRACE, KEY, ClusterSettings, LocalTasks, SlurmTasks, Tasks
from lmc_sweeps.config import PreparedJob
from lmc_sweeps.dividing import divide
from lmc_sweeps.job import is_complete
from lmc_sweeps.launcher import BatchedLauncher, Job
from lmc_sweeps.records import RECORD, is_finished, read_record
from lmc_sweeps.running import note_failure
from lmc_sweeps.stacks import Task as NetworkTask
from lmc_sweeps.stacks import tasks_of
from lmc_sweeps.summary import job_line

TASKS = "tasks"  # the folder, in a sweep's own, of the scripts, logs and results of its tasks
CPU_STACK_GIB = 2.0  # of a stack where `training.stack_gib` is not set
NEWS_EVERY = 30.0  # seconds between two lines on what the tasks are doing, at least


class TaskError(RuntimeError):
    """A task of the cluster that ended without a result of its own."""


@dataclass(frozen=True)
class Share:
    """The jobs of one task: called in a process of the cluster, which runs what is unfinished of them and returns what failed.

    It keeps nothing of its own, so that it is handed in again as it is when a task is told to stop: what was trained is in the store.
    """

    function: TaskFunction  # first, for reading it back imports lmc_sweeps.cli, where our plugins are made known to Hydra
    context: HydraContext
    config: DictConfig
    state: Any
    jobs: tuple[tuple[int, tuple[str, ...]], ...]
    threads: int

    def __call__(self) -> dict[int, str | None]:
        """Return, by number of the job, the sentence of its failure, or None."""
        logging.raiseExceptions = False
        Singleton.set_state(self.state)
        torch.set_num_threads(self.threads)
        launcher = _ShareLauncher()
        launcher.setup(hydra_context=self.context, task_function=self.function, config=self.config)
        found = launcher.launch_numbered({number: list(overrides) for number, overrides in self.jobs})
        return {number: None if came.status == JobStatus.COMPLETED else _sentence(came._return_value) for number, came in found.items()}

    def checkpoint(self) -> Any:
        """Return what submitit hands in again after a time-out or a preemption."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class _ShareLauncher(BatchedLauncher):
    """The batched launcher inside a task: what the core says goes to the task's own log, for a file of all tasks would mix lines."""

    def _log_handler(self, sweep_dir: Path) -> logging.Handler:
        return logging.StreamHandler(sys.stdout)


@dataclass
class _Task:
    """A task on its way: submitit's job, and the jobs of the sweep that wait for it."""

    job: Any
    members: list[Job]


class ClusterLauncher(BatchedLauncher):
    """Submits the unfinished jobs of a sweep as tasks of a cluster, and waits for them.

    A task is what `lmc_sweeps.dividing.divide` puts together. Tasks of an earlier command that are still in the queue are waited for, not
    submitted again.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._asked = {key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value for key, value in settings.items()}
        self._function: TaskFunction | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self._function = task_function

    def check(self, jobs: Sequence[PreparedJob]) -> None:
        settings = ClusterSettings.of(self._asked)
        for job in jobs:
            asked = job.settings
            if asked.device.startswith("cuda") and settings.gpus_per_node is None:
                raise InputError(f"`{KEY}.gpus_per_node` must be at least 1 for `device` {asked.device}, got null.")
            stack = asked.training.stack_gib or CPU_STACK_GIB
            if settings.mem_gb is not None and settings.gpus_per_node is None and stack >= settings.mem_gb:
                raise InputError(
                    f"`{KEY}.mem_gb` must be above what a stack of networks may take, `training.stack_gib` ({stack:g} GiB), "
                    f"got {settings.mem_gb:g}."
                )
        settings.check_programs()

    def plan(self, jobs: Sequence[PreparedJob], folder: Path) -> list[str]:
        settings = ClusterSettings.of(self._asked)
        waiting = [job for job in jobs if not is_complete(job.settings, job.fingerprint, folder / job.run_id)]
        parts = _divided(settings, [tasks_of(job.settings, job.data, job.fingerprint) for job in waiting])
        largest = max((len(part) for part in parts), default=0)
        return [f"{settings.cluster}: {len(parts)} tasks of up to {largest} jobs, at most {settings.timeout_min} min at a time"]

    def _train_and_run(self, jobs: list[Job], n_complete: int) -> dict[int, JobReturn]:
        settings = ClusterSettings.of(self._asked)
        folder = jobs[0].folder.parent / TASKS if jobs else Path()
        if n_complete:
            _say(f"{n_complete} jobs have all their results already.")
        if not jobs:
            return {}
        tasks: Tasks = {"slurm": SlurmTasks, "local": LocalTasks}[settings.cluster](settings, folder)
        running = list(_still_there(tasks, jobs))
        if running:
            _say(f"{sum(len(task.members) for task in running)} jobs are in {len(running)} tasks that an earlier command has submitted.")
        there = {job.number for task in running for job in task.members}
        fresh = [job for job in jobs if job.number not in there]
        waiting = [[fresh[place] for place in part] for part in _divided(settings, [list(job.tasks.values()) for job in fresh])]
        if waiting:
            _say(f"{len(fresh)} jobs in {len(waiting)} tasks of {settings.cluster}; their logs are in {tasks.folder}.")
        try:
            return self._wait(tasks, waiting, running, settings.cpus_per_task)
        except KeyboardInterrupt:
            _say(f"\n{tasks.let_go([task.job for task in running])}")
            raise

    def _wait(self, tasks: Tasks, waiting: list[list[Job]], running: list[_Task], threads: int) -> dict[int, JobReturn]:
        """Submit tasks as there is room, until every one has ended, and return what came of the jobs."""
        results: dict[int, JobReturn] = {}
        news = _News([job for members in (*waiting, *(task.members for task in running)) for job in members])
        while waiting or running:
            if waiting and (room := tasks.room(len(running))):
                running += [_noted(tasks.folder, task) for task in self._submitted(tasks, waiting[:room], threads)]
                del waiting[:room]
            tasks.folder.chmod(tasks.folder.stat().st_mode)  # makes a network file system look at the folder again
            for task in list(running):
                failures = _outcome(tasks, task)
                if failures is None:
                    continue
                running.remove(task)
                results |= {job.number: _came_of(job, failures, news) for job in task.members}
                _note(tasks.folder, task.job.job_id).unlink(missing_ok=True)
            if waiting or running:
                news.look(tasks.look([task.job for task in running]), len(waiting))
                time.sleep(tasks.every)
        return results

    def _submitted(self, tasks: Tasks, parts: Sequence[list[Job]], threads: int) -> list[_Task]:
        if self._config is None or self._context is None or self._function is None:
            raise RuntimeError("the launcher was not set up; Hydra calls setup() first.")
        state = Singleton.get_state()
        shares = []
        for members in parts:
            numbered = tuple((job.number, tuple(job.overrides)) for job in members)
            shares.append(Share(self._function, self._context, self._config, state, numbered, threads))
        return [_Task(job, members) for job, members in zip(tasks.submit(shares), parts, strict=True)]


def _divided(settings: ClusterSettings, jobs: Sequence[Sequence[NetworkTask]]) -> list[list[int]]:
    return divide(jobs, settings.networks_per_task, 60 * settings.least_minutes)


def _note(folder: Path, job_id: str) -> Path:
    return folder / f"{job_id}.json"


def _noted(folder: Path, task: _Task) -> _Task:
    """Write down which jobs are in a task, so that the same command, given again, can wait for it."""
    jobs = [[job.prepared.run_id, job.overrides] for job in task.members]
    write_atomically(_note(folder, task.job.job_id), json.dumps(jobs).encode())
    return task


def _still_there(tasks: Tasks, jobs: Sequence[Job]) -> Iterator[_Task]:
    """Yield the tasks of an earlier command that are in the queue and hold some of the jobs, asked for in the same words."""
    if not isinstance(tasks, SlurmTasks):
        return
    missing = {(job.prepared.run_id, *job.overrides): job for job in jobs}
    for path in sorted(tasks.folder.glob("*.json")):
        try:
            named = [(run_id, *overrides) for run_id, overrides in json.loads(path.read_text())]
        except (OSError, ValueError, TypeError):
            continue
        submitted = tasks.attach(path.stem)
        if submitted is None:
            path.unlink(missing_ok=True)
        elif members := [missing.pop(name) for name in named if name in missing]:
            yield _Task(submitted, members)


def _outcome(tasks: Tasks, task: _Task) -> dict[int, str | None] | str | None:
    """Return the failures by job of a task that has ended, or a sentence if it ended without telling; None while it goes on."""
    paths = task.job.paths
    if not paths.result_pickle.exists():
        how = tasks.end(task.job)
        if how is None:
            return None
        if not paths.result_pickle.exists():  # written while we asked
            log = f"its log is {paths.stderr}" if paths.stderr.exists() else f"it did not come so far as to write a log in {paths.folder}"
            return f"task {task.job.job_id} ended without a result ({how}); {log}"
    try:
        found: dict[int, str | None] = task.job.result()
    except Exception as error:  # of a task that could not begin, say
        return f"task {task.job.job_id} failed ({_last_line(str(error))}); its log is {paths.stderr}"
    return found


def _last_line(report: str) -> str:
    """Return the last line of the traceback in what submitit says of a failure: it stands between two lines of dashes."""
    trace = re.search(r"^-{10,}\n(.*?)\n-{10,}$", report, re.DOTALL | re.MULTILINE)
    return (trace.group(1) if trace else report).strip().splitlines()[-1].strip()


def _came_of(job: Job, outcome: dict[int, str | None] | str, news: "_News") -> JobReturn:
    """Return what came of a job whose task has ended; of a task that did not tell, what the job's folder holds."""
    if isinstance(outcome, str):
        done = is_complete(job.prepared.settings, job.prepared.fingerprint, job.folder)
        failure = None if done else outcome
        if failure is not None and not news.has_failed(job):
            news.said(job)
            note_failure(job.prepared, job.folder, job.label, TaskError(failure), _say)
    else:
        failure = outcome.get(job.number, "its task does not say what came of it")
    news.tell(job, wait=failure is None)
    came = JobReturn(overrides=job.overrides, status=JobStatus.COMPLETED if failure is None else JobStatus.FAILED)
    came.return_value = None if failure is None else TaskError(failure)
    return came


class _News:
    """Says what came of a job when its record is there, and now and then what the tasks are doing."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._before = {job.number: _stamp(job) for job in jobs}
        self._waiting = {job.number: job for job in jobs}
        self._words, self._said = "", time.monotonic()

    def look(self, words: str, to_submit: int) -> None:
        """Say which jobs have finished since the last look, and what the tasks are doing if that is new."""
        for job in list(self._waiting.values()):
            if _stamp(job) != self._before[job.number]:
                self.tell(job)
        words += f", {to_submit} to be submitted" if to_submit else ""
        if words != self._words and time.monotonic() - self._said >= NEWS_EVERY:
            _say(f"tasks: {words}")
            self._words, self._said = words, time.monotonic()

    def tell(self, job: Job, wait: bool = False) -> None:
        """Say what a job's record holds, once; with `wait`, give a network file system the time to show it."""
        until = time.monotonic() + GRACE
        while wait and _stamp(job) is None and time.monotonic() < until:
            time.sleep(1.0)
        record = _record(job)
        if job.number in self._waiting and record is not None:
            line = job_line(record) if is_finished(record) else f"failed: {record.get('sentence')} (see {job.folder})"
            _say(f"{job.label} {line}")
            self.said(job)

    def said(self, job: Job) -> None:
        """Say nothing more of a job."""
        self._waiting.pop(job.number, None)

    def has_failed(self, job: Job) -> bool:
        """Return whether the job itself has written down, since it was submitted, why it failed."""
        record = _record(job)
        return _stamp(job) != self._before[job.number] and record is not None and (not is_finished(record) or "failure" in record)


def _record(job: Job) -> dict[str, Any] | None:
    try:
        return read_record(job.folder)
    except InputError:
        return None


def _stamp(job: Job) -> int | None:
    try:
        return os.stat(job.folder / RECORD).st_mtime_ns
    except OSError:
        return None


def _sentence(error: object) -> str:
    return f"{type(error).__name__}: {error}"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
