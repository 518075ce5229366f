"""A launcher that takes all jobs of a sweep at once: workers train the networks that they need, each once, in stacks, and run the jobs."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from lmc_sweeps.common.log_files import LogFile
from lmc_sweeps.common.workers import workers
from lmc_sweeps.jobs.estimates import check_all_fit
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.planned import PlannedNetwork, planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.sweeps.composing import JobComposer
from lmc_sweeps.sweeps.expected import job_names
from lmc_sweeps.sweeps.pending import PendingJob, already_done, cost, measuring_seconds, missing_networks, was_interrupted
from lmc_sweeps.sweeps.progress import JobCount, SweepProgress
from lmc_sweeps.sweeps.running import load_libraries
from lmc_sweeps.sweeps.schedule import Schedule
from lmc_sweeps.sweeps.work import CORE, SweepWork, send_core_log
from lmc_sweeps.sweeps.worker_count import AUTO, checked_count, workers_for

LOG = "sweep.log"


class BatchedLauncher(Launcher):
    """Runs all jobs by workers of one thread each, their networks trained together beforehand.

    Each job goes through Hydra's own ``run_job`` as soon as its networks are trained, so that folders, logs and statuses are those of the
    basic launcher. A job that already has all its results is not run.

    Parameters
    ----------
    workers : int or "auto"
        How many processes work side by side; 1 is this process alone. What is promised to have the same bits has them for every number.
    """

    def __init__(self, workers: Any = AUTO) -> None:
        self._workers = workers
        self._function: TaskFunction | None = None
        self._config: DictConfig | None = None
        self._context: HydraContext | None = None
        self._composer: JobComposer | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra passes."""
        self._context, self._config, self._function = hydra_context, config, task_function
        self._composer = JobComposer(hydra_context.config_loader, config)

    def share(self, composer: JobComposer) -> None:
        """Use the sweeper's composer, which has composed and checked the jobs."""
        self._composer = composer

    def check(self, jobs: Sequence[PreparedJob]) -> None:
        """Raise `InputError` if this launcher cannot run the jobs of a sweep; called before anything is written."""

    def check_sizes(self, jobs: Sequence[PreparedJob]) -> None:
        """Raise `InputError` if a job is too large for where it would run; called before a plan too."""
        checked_count(self._workers)
        check_all_fit(jobs)

    def n_workers(self, jobs: Sequence[PreparedJob], missing: Sequence[PlannedNetwork]) -> int:
        """Return how many workers run these jobs, and train the networks that are missing."""
        return workers_for(self._workers, jobs, missing)

    def plan_lines(self, jobs: Sequence[PreparedJob], folder: Path) -> list[str]:
        """Return this launcher's lines of a plan."""
        return []

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Train what the jobs need and run them; a failure is a job's own."""
        results = self.launch_numbered(dict(enumerate(job_overrides, start=initial_job_idx)))
        return [results[number] for number in sorted(results)]

    def launch_numbered(self, job_overrides: Mapping[int, Sequence[str]]) -> dict[int, JobReturn]:
        """Do the same for jobs that have their numbers in the sweep already, and return the result of each."""
        if self._config is None or self._composer is None:
            raise RuntimeError("the launcher was not set up; Hydra calls setup() first.")
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        sweep_dir = Path(str(self._config.hydra.sweep.dir))
        sweep_dir.mkdir(parents=True, exist_ok=True)
        results: dict[int, JobReturn] = {}
        jobs: list[PendingJob] = []
        names = job_names(sweep_dir)
        for number, overrides in job_overrides.items():
            prepared = self._composer.prepare(overrides)
            folder = sweep_dir / prepared.run_id
            if is_complete(prepared, folder):
                results[number] = JobReturn(overrides=list(overrides), status=JobStatus.COMPLETED)
            else:
                networks = {network.name: network for network in planned_networks(prepared)}
                jobs.append(PendingJob(number, list(overrides), prepared, folder, names.get(prepared.run_id, ""), networks, set()))
        n_complete, count = len(results), JobCount(len(job_overrides), len(results))
        with _CoreLog(self._log_handler(sweep_dir)):
            for part in self._in_turn(jobs):
                results |= self._train_and_run(part, n_complete, count)
                n_complete = 0  # written once
        return results

    def _in_turn(self, jobs: list[PendingJob]) -> list[list[PendingJob]]:
        """Return the jobs in parts, to be run in turn: those that left no record may end the process again, so they go last."""
        interrupted = {job.number for job in jobs if was_interrupted(job.folder)}
        first, last = ([job for job in jobs if (job.number in interrupted) == is_last] for is_last in (False, True))
        return [first, last] if last else [first]

    def _log_handler(self, sweep_dir: Path) -> logging.Handler:
        """Return the handler of the core's log lines while networks are trained: the sweep's log file."""
        return LogFile(sweep_dir / LOG, delay=True)

    def _train_and_run(self, jobs: list[PendingJob], n_complete: int, count: JobCount) -> dict[int, JobReturn]:
        """Train the networks, and run every job as soon as its networks are trained."""
        if self._config is None or self._composer is None or self._context is None or self._function is None:
            raise RuntimeError("the launcher was not set up; Hydra calls setup() first.")
        missing = missing_networks(jobs)
        steps = sum(network.steps for network in missing)
        n_workers = self.n_workers([job.prepared for job in jobs], missing)
        measuring = {job.number: measuring_seconds(job) for job in jobs}
        numbered, named = {job.number: job for job in jobs}, {network.name: network for network in missing}
        log_file = Path(str(self._config.hydra.sweep.dir)) / LOG
        work = SweepWork(self._function, self._context, self._config, self._composer, numbered, named, log_file)
        with SweepProgress("the sweep", steps, measuring, n_workers) as progress:
            if n_complete:
                progress.write(already_done(n_complete))
            if missing:
                costs = cost(missing, sum(measuring.values()), steps, n_workers)
                networks, of_jobs = (f"{n} {word}{'s' * (n > 1)}" for n, word in ((len(missing), "network"), (len(jobs), "job")))
                progress.write(f"training {networks} for {of_jobs}, {steps:,} network-steps{costs}.")
            load_libraries([job.prepared for job in jobs])
            with workers(work, progress, n_workers) as at_work:
                return Schedule(work, at_work, progress, count).run()


class _CoreLog:
    """Sends the core's log lines to a handler while networks are trained."""

    def __init__(self, handler: logging.Handler) -> None:
        self._handler = handler

    def __enter__(self) -> None:
        send_core_log(self._handler)

    def __exit__(self, *_: object) -> None:
        CORE.removeHandler(self._handler)
        self._handler.close()
