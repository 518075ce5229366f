"""A launcher that divides a sweep's unfinished jobs into tasks of a cluster; in each of them a batched launcher runs its share."""

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from lmc_sweeps.cluster.backends import KEY, ClusterSettings, LocalTasks, SlurmTasks, Tasks
from lmc_sweeps.cluster.dividing import divide
from lmc_sweeps.cluster.waiting import (
    News,
    Submitted,
    came_of,
    drop_submission,
    drop_submissions_of_ended,
    note_of,
    noted,
    outcome,
    say,
    still_there,
)
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.estimates import check_all_fit
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.planned import PlannedNetwork, planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.sweeps.launcher import BatchedLauncher, Job

TASKS = "tasks"  # the folder, in a sweep's own, of the scripts, logs and results of its tasks
CPU_STACK_GIB = 2.0  # of a stack where `training.stack_gib` is not set


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


class ClusterLauncher(BatchedLauncher):
    """Submits the unfinished jobs of a sweep as tasks of a cluster, and waits for them.

    A task is what `lmc_sweeps.cluster.dividing.divide` puts together. Tasks of an earlier command that are still in the queue are
    waited for, not submitted again.
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

    def check_sizes(self, jobs: Sequence[PreparedJob]) -> None:
        settings = ClusterSettings.of(self._asked)
        if settings.cluster == "local":
            super().check_sizes(jobs)
        else:  # on a node whose memory only Slurm knows, if none is asked for
            check_all_fit(jobs, float("inf") if settings.mem_gb is None else settings.mem_gb * 2**30)

    def plan(self, jobs: Sequence[PreparedJob], folder: Path) -> list[str]:
        settings = ClusterSettings.of(self._asked)
        waiting = [job for job in jobs if not is_complete(job, folder / job.run_id)]
        parts = _divided(settings, [planned_networks(job) for job in waiting])
        largest = max((len(part) for part in parts), default=0)
        return [f"{settings.cluster}: {len(parts)} tasks of up to {largest} jobs, at most {settings.timeout_min} min at a time"]

    def _in_turn(self, jobs: list[Job]) -> list[list[Job]]:
        return [jobs]  # a job that ends its process ends its task only; and those that run in tasks now look as if they had been left

    def _train_and_run(self, jobs: list[Job], n_complete: int) -> dict[int, JobReturn]:
        settings = ClusterSettings.of(self._asked)
        folder = jobs[0].folder.parent / TASKS if jobs else Path()
        if n_complete:
            say(f"{n_complete} jobs have all their results already.")
        if not jobs:
            return {}
        tasks: Tasks = {"slurm": SlurmTasks, "local": LocalTasks}[settings.cluster](settings, folder)
        running = list(still_there(tasks, jobs))
        drop_submissions_of_ended(tasks)
        if running:
            say(f"{sum(len(task.members) for task in running)} jobs are in {len(running)} tasks that an earlier command has submitted.")
        there = {job.number for task in running for job in task.members}
        fresh = [job for job in jobs if job.number not in there]
        waiting = [[fresh[place] for place in part] for part in _divided(settings, [list(job.tasks.values()) for job in fresh])]
        if waiting:
            say(f"{len(fresh)} jobs in {len(waiting)} tasks of {settings.cluster}; their logs are in {tasks.folder}.")
        try:
            return self._wait(tasks, waiting, running, settings.cpus_per_task)
        except KeyboardInterrupt:
            if running:
                say(f"\n{tasks.let_go([task.job for task in running])}")
            raise

    def _wait(self, tasks: Tasks, waiting: list[list[Job]], running: list[Submitted], threads: int) -> dict[int, JobReturn]:
        """Submit tasks as there is room, until every one has ended, and return what came of the jobs."""
        results: dict[int, JobReturn] = {}
        news = News([job for members in (*waiting, *(task.members for task in running)) for job in members])
        while waiting or running:
            if waiting and (room := tasks.room(len(running))):
                running += [noted(tasks.folder, task) for task in self._submitted(tasks, waiting[:room], threads)]
                del waiting[:room]
            tasks.folder.chmod(tasks.folder.stat().st_mode)  # makes a network file system look at the folder again
            for task in list(running):
                told = outcome(tasks, task)
                if told is None:
                    continue
                running.remove(task)
                results |= {job.number: came_of(job, told, news) for job in task.members}
                note_of(tasks.folder, task.job.job_id).unlink(missing_ok=True)
                drop_submission(tasks.folder, task.job.job_id)
            if waiting or running:
                news.look(tasks.look([task.job for task in running]), len(waiting))
                time.sleep(tasks.every)
        return results

    def _submitted(self, tasks: Tasks, parts: Sequence[list[Job]], threads: int) -> list[Submitted]:
        if self._config is None or self._context is None or self._function is None:
            raise RuntimeError("the launcher was not set up; Hydra calls setup() first.")
        state = Singleton.get_state()
        shares = []
        for members in parts:
            numbered = tuple((job.number, tuple(job.overrides)) for job in members)
            shares.append(Share(self._function, self._context, self._config, state, numbered, threads))
        return [Submitted(job, members) for job, members in zip(tasks.submit(shares), parts, strict=True)]


def _divided(settings: ClusterSettings, jobs: Sequence[Sequence[PlannedNetwork]]) -> list[list[int]]:
    return divide(jobs, settings.networks_per_task, 60 * settings.least_minutes)


def _sentence(error: object) -> str:
    return f"{type(error).__name__}: {error}"
