"""A launcher that takes all jobs of a sweep at once: it trains the networks that they need, each once, in stacks, and runs the jobs."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from lmc_sweeps.common.log_files import LogFile
from lmc_sweeps.jobs.estimates import check_all_fit
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.network_files import StoredNetwork
from lmc_sweeps.jobs.planned import PlannedNetwork, groups, planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.stacks import stacks_of, train_stack
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.sweeps.composing import JobComposer
from lmc_sweeps.sweeps.expected import labels
from lmc_sweeps.sweeps.pending import PendingJob, cost, missing_networks, was_interrupted
from lmc_sweeps.sweeps.progress import TrainingProgress
from lmc_sweeps.sweeps.running import report_failure, run_reported
from multirun_analysis.common.streams import LogLines

log = logging.getLogger(__name__)
LOG = "sweep.log"


class BatchedLauncher(Launcher):
    """Runs all jobs in this process, their networks trained together beforehand.

    Each job goes through Hydra's own ``run_job`` as soon as its networks are trained, so that folders, logs and statuses are those of the
    basic launcher. A job that already has all its results is not run.
    """

    def __init__(self) -> None:
        self._config: DictConfig | None = None
        self._context: HydraContext | None = None
        self._composer: JobComposer | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra passes."""
        self._context, self._config = hydra_context, config
        self._composer = JobComposer(hydra_context.config_loader, config)

    def share(self, composer: JobComposer) -> None:
        """Use the sweeper's composer, which has composed and checked the jobs."""
        self._composer = composer

    def check(self, jobs: Sequence[PreparedJob]) -> None:
        """Raise `InputError` if this launcher cannot run the jobs of a sweep; called before anything is written."""

    def check_sizes(self, jobs: Sequence[PreparedJob]) -> None:
        """Raise `InputError` if a job is too large for where it would run; called before a plan too."""
        check_all_fit(jobs)

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
        job_labels = labels(sweep_dir)
        for number, overrides in job_overrides.items():
            prepared = self._composer.prepare(overrides)
            folder = sweep_dir / prepared.run_id
            if is_complete(prepared, folder):
                results[number] = JobReturn(overrides=list(overrides), status=JobStatus.COMPLETED)
            else:
                networks = {network.name: network for network in planned_networks(prepared)}
                jobs.append(PendingJob(number, list(overrides), prepared, folder, job_labels.get(prepared.run_id, ""), networks, set()))
        n_complete = len(results)
        with _CoreLog(self._log_handler(sweep_dir)):
            for part in self._in_turn(jobs):
                results |= self._train_and_run(part, n_complete)
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

    def _train_and_run(self, jobs: list[PendingJob], n_complete: int) -> dict[int, JobReturn]:
        """Train the networks group by group, and run every job as soon as its networks are trained."""
        missing = missing_networks(jobs)
        steps = sum(network.steps for network in missing)
        results: dict[int, JobReturn] = {}
        at_hand: dict[str, StoredNetwork] = {}
        title = f"training {len(missing)} networks"
        with TrainingProgress(title, steps) as progress:
            if n_complete:
                progress.write(f"{n_complete} jobs already have all their results.")
            if missing:
                progress.write(f"{title} for {len(jobs)} jobs, {steps:,} network-steps{cost(missing, jobs, steps)}.")
            results |= self._run_ready(jobs, at_hand, progress)
            for group in groups(missing):
                store = Store(group[0].settings.store)
                try:
                    stacks = list(stacks_of(group, store))
                except Exception as error:  # of the trial steps
                    results |= self._fail(group, error, jobs, at_hand, progress)
                    continue
                for stack in stacks:
                    try:
                        for trained in train_stack(stack, store, progress):
                            at_hand |= trained
                            for job in jobs:
                                job.waits_for -= trained.keys()
                            results |= self._run_ready(jobs, at_hand, progress)
                    except Exception as error:
                        results |= self._fail([network for network, _ in stack], error, jobs, at_hand, progress)
        return results

    def _fail(
        self,
        networks: Sequence[PlannedNetwork],
        error: Exception,
        jobs: list[PendingJob],
        at_hand: dict[str, StoredNetwork],
        progress: TrainingProgress,
    ) -> dict[int, JobReturn]:
        """Fail the jobs that wait for networks whose training failed, and no others."""
        names = {network.name for network in networks}
        failed = [job for job in jobs if job.waits_for & names]
        jobs[:] = [job for job in jobs if job not in failed]
        return {job.number: self._run(job, at_hand, progress, error) for job in failed}

    def _run_ready(self, jobs: list[PendingJob], at_hand: dict[str, StoredNetwork], progress: TrainingProgress) -> dict[int, JobReturn]:
        """Run the jobs that wait for nothing, take them off the list, and drop the networks that no other job needs."""
        ready = [job for job in jobs if not job.waits_for]
        jobs[:] = [job for job in jobs if job.waits_for]
        results = {job.number: self._run(job, at_hand, progress) for job in ready}
        needed = {name for job in jobs for name in job.networks}
        for name in at_hand.keys() - needed:
            del at_hand[name]
        return results

    def _run(
        self, job: PendingJob, at_hand: dict[str, StoredNetwork], progress: TrainingProgress, error: Exception | None = None
    ) -> JobReturn:
        """Run a job through Hydra, as its basic launcher does; with `error`, it fails with that."""
        if self._config is None or self._composer is None or self._context is None:
            raise RuntimeError("the launcher was not set up; Hydra calls setup() first.")
        config = self._composer.full(job.overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = job.number

        def run_this(_config: DictConfig) -> None:
            if error is not None:
                report_failure(job.prepared, job.folder, job.label, error, progress.write)
                raise error
            run_reported(job.prepared, job.folder, job.label, progress.write, at_hand=at_hand)

        try:
            result = run_job(
                hydra_context=self._context,
                task_function=run_this,
                config=config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
            )
            result.cfg = result.hydra_cfg = None  # a quarter of a megabyte, too much for each job of a large sweep
        except Exception as outside:  # of Hydra, before or after the job: a full disk when it writes .hydra/, for example
            report_failure(job.prepared, job.folder, job.label, error or outside, progress.write)
            result = JobReturn(overrides=job.overrides, status=JobStatus.FAILED)
            result.return_value = error or outside
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)  # job logging off, sweep logging on
        return result


class _CoreLog:
    """Sends the core's log lines to a handler while networks are trained."""

    def __init__(self, handler: logging.Handler) -> None:
        self._handler = handler
        self._handler.setFormatter(LogLines("[%(asctime)s][%(levelname)s] - %(message)s"))

    def __enter__(self) -> None:
        logger = logging.getLogger("lmc_sweeps")
        logger.addHandler(self._handler)
        logger.setLevel(logging.INFO)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("lmc_sweeps").removeHandler(self._handler)
        self._handler.close()
