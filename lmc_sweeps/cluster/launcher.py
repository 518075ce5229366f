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

from lmc_sweeps.cluster.backends import LocalTasks, SlurmTasks, Tasks
from lmc_sweeps.cluster.dividing import divide
from lmc_sweeps.cluster.task_settings import KEY, ClusterSettings
from lmc_sweeps.cluster.waiting import (
    JobNews,
    Submitted,
    drop_submission,
    drop_submissions_of_ended,
    job_result,
    note_path,
    say,
    still_queued,
    task_outcome,
    write_note,
)
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.estimates import check_all_fit
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.planned import PlannedNetwork, planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.sweeps.launcher import BatchedLauncher
from lmc_sweeps.sweeps.pending import PendingJob, already_done
from lmc_sweeps.sweeps.progress import JobCount
from lmc_sweeps.sweeps.worker_count import AUTO, workers_for

TASKS = "tasks"  # the folder, in a sweep's own, of the scripts, logs and results of its tasks
CPU_STACK_GIB = 2.0  # of a stack where `training.stack_gib` is not set


@dataclass(frozen=True)
class Share:
    """The jobs of one task: called in a process of the cluster, which runs those that are unfinished and returns what failed.

    It has no state, so that a task that is stopped is submitted again as it was: what it has trained is in the store.
    """

    function: TaskFunction  # first: unpickling it imports lmc_sweeps.cli, where Hydra learns of our plugins
    context: HydraContext
    config: DictConfig
    state: Any
    jobs: tuple[tuple[int, tuple[str, ...]], ...]
    cores: int
    memory: float | None  # bytes

    def __call__(self) -> dict[int, str | None]:
        """Return, by number of the job, the sentence of its failure, or None."""
        logging.raiseExceptions = False
        Singleton.set_state(self.state)
        torch.set_num_threads(self.cores)
        launcher = _ShareLauncher(self.cores, self.memory)
        launcher.setup(hydra_context=self.context, task_function=self.function, config=self.config)
        results = launcher.launch_numbered({number: list(overrides) for number, overrides in self.jobs})
        failed = {number: result for number, result in results.items() if result.status != JobStatus.COMPLETED}
        return {number: _sentence(failed[number]._return_value) if number in failed else None for number in results}

    def checkpoint(self) -> Any:
        """Return what submitit submits again after a time-out or a preemption."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class _ShareLauncher(BatchedLauncher):
    """The batched launcher inside a task, within its cores and memory.

    The core's log lines go to the task's own log; one file would mix those of all tasks.
    """

    def __init__(self, cores: int, memory: float | None) -> None:
        super().__init__()
        self._cores, self._memory = cores, memory

    def n_workers(self, jobs: Sequence[PreparedJob], missing: Sequence[PlannedNetwork]) -> int:
        return min(self._cores, workers_for(AUTO, jobs, missing, self._memory))

    def _log_handler(self, sweep_dir: Path) -> logging.Handler:
        return logging.StreamHandler(sys.stdout)


class ClusterLauncher(BatchedLauncher):
    """Submits the unfinished jobs of a sweep as tasks of a cluster, and waits for them.

    A task is what `lmc_sweeps.cluster.dividing.divide` puts together. Tasks of an earlier command that are still in the queue are
    waited for, not submitted again.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._settings = {key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value for key, value in settings.items()}
        self._function: TaskFunction | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self._function = task_function

    def check(self, jobs: Sequence[PreparedJob]) -> None:
        settings = ClusterSettings.from_config(self._settings)
        for job in jobs:
            device, training = job.settings.device, job.settings.training
            if device.startswith("cuda") and settings.gpus_per_node is None:
                raise InputError(f"`{KEY}.gpus_per_node` must be at least 1 for `device` {device}, got null.")
            stack = training.stack_gib or CPU_STACK_GIB
            if settings.mem_gb is not None and settings.gpus_per_node is None and stack >= settings.mem_gb:
                raise InputError(
                    f"`{KEY}.mem_gb` must be above what a stack of networks may take, `training.stack_gib` ({stack:g} GiB), "
                    f"got {settings.mem_gb:g}."
                )
        settings.check_programs()

    def check_sizes(self, jobs: Sequence[PreparedJob]) -> None:
        settings = ClusterSettings.from_config(self._settings)
        if settings.cluster == "local":
            super().check_sizes(jobs)
        else:  # on a node whose memory only Slurm knows, if no `mem_gb` is set
            check_all_fit(jobs, float("inf") if settings.mem_gb is None else settings.mem_gb * 2**30)

    def plan_lines(self, jobs: Sequence[PreparedJob], folder: Path) -> list[str]:
        settings = ClusterSettings.from_config(self._settings)
        waiting = [job for job in jobs if not is_complete(job, folder / job.run_id)]
        parts = _divided(settings, [planned_networks(job) for job in waiting])
        largest = max((len(part) for part in parts), default=0)
        return [f"{settings.cluster}: {len(parts)} tasks of up to {largest} jobs, at most {settings.timeout_min} min at a time"]

    def n_workers(self, jobs: Sequence[PreparedJob], missing: Sequence[PlannedNetwork]) -> int:
        return 1  # its tasks have theirs

    def _in_turn(self, jobs: list[PendingJob]) -> list[list[PendingJob]]:
        return [jobs]  # a job that ends its process ends its task only; and jobs that run in tasks now look as if they had been interrupted

    def _train_and_run(self, jobs: list[PendingJob], n_complete: int, count: JobCount) -> dict[int, JobReturn]:
        settings = ClusterSettings.from_config(self._settings)
        folder = jobs[0].folder.parent / TASKS if jobs else Path()
        if n_complete:
            say(already_done(n_complete))
        if not jobs:
            return {}
        tasks: Tasks = {"slurm": SlurmTasks, "local": LocalTasks}[settings.cluster](settings, folder)
        queued = list(still_queued(tasks, jobs))
        drop_submissions_of_ended(tasks)
        if queued:
            say(f"{sum(len(task.members) for task in queued)} jobs are in {len(queued)} tasks that an earlier command submitted.")
        in_queue = {job.number for task in queued for job in task.members}
        new = [job for job in jobs if job.number not in in_queue]
        waiting = [[new[index] for index in part] for part in _divided(settings, [list(job.networks.values()) for job in new])]
        if waiting:
            say(f"{len(new)} jobs in {len(waiting)} tasks of {settings.cluster}; their logs are in {tasks.folder}.")
        try:
            return self._wait(tasks, waiting, queued, settings, count)
        except KeyboardInterrupt:
            if queued:
                say(f"\n{tasks.leave([task.job for task in queued])}")
            raise

    def _wait(
        self, tasks: Tasks, waiting: list[list[PendingJob]], submitted: list[Submitted], settings: ClusterSettings, count: JobCount
    ) -> dict[int, JobReturn]:
        """Submit tasks as there is room, until all have ended, and return the results of the jobs; `submitted` is kept up to date."""
        results: dict[int, JobReturn] = {}
        news = JobNews([job for members in (*waiting, *(task.members for task in submitted)) for job in members], count)
        while waiting or submitted:
            if waiting and (room := tasks.room(len(submitted))):
                for task in self._submit(tasks, waiting[:room], settings):
                    write_note(tasks.folder, task)
                    submitted.append(task)
                del waiting[:room]
            tasks.folder.chmod(tasks.folder.stat().st_mode)  # makes a network file system look at the folder again
            for task in list(submitted):
                outcome = task_outcome(tasks, task)
                if outcome is None:
                    continue
                submitted.remove(task)
                results |= {job.number: job_result(job, outcome, news) for job in task.members}
                note_path(tasks.folder, task.job.job_id).unlink(missing_ok=True)
                drop_submission(tasks.folder, task.job.job_id)
            if waiting or submitted:
                news.look(tasks.look([task.job for task in submitted]), len(waiting))
                time.sleep(tasks.every)
        return results

    def _submit(self, tasks: Tasks, parts: Sequence[list[PendingJob]], settings: ClusterSettings) -> list[Submitted]:
        if self._config is None or self._context is None or self._function is None:
            raise RuntimeError("the launcher was not set up; Hydra calls setup() first.")
        state = Singleton.get_state()
        memory = None if settings.mem_gb is None else settings.mem_gb * 2**30
        shares = []
        for members in parts:
            numbered = tuple((job.number, tuple(job.overrides)) for job in members)
            shares.append(Share(self._function, self._context, self._config, state, numbered, settings.cpus_per_task, memory))
        return [Submitted(job, members) for job, members in zip(tasks.submit(shares), parts, strict=True)]


def _divided(settings: ClusterSettings, jobs: Sequence[Sequence[PlannedNetwork]]) -> list[list[int]]:
    return divide(jobs, settings.networks_per_task, 60 * settings.least_minutes)


def _sentence(error: object) -> str:
    return f"{type(error).__name__}: {error}"
