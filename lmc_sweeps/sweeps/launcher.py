"""A launcher that takes all jobs of a sweep at once: it trains the networks that they need, each once, in stacks, then runs the jobs."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from lmc_sweeps.common.log_files import LogFile
from lmc_sweeps.jobs.estimates import check_all_fit, estimate
from lmc_sweeps.jobs.missing import is_complete
from lmc_sweeps.jobs.planned import PlannedNetwork, groups, planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import RECORD
from lmc_sweeps.jobs.stack_sizes import training_seconds
from lmc_sweeps.jobs.stacks import stacks_of, train_stack
from lmc_sweeps.jobs.store import Store, StoredNetwork
from lmc_sweeps.sweeps.composing import Composer
from lmc_sweeps.sweeps.expected import labels
from lmc_sweeps.sweeps.progress import TrainingProgress, computing, duration
from lmc_sweeps.sweeps.running import note_failure, run_noted
from multirun_analysis.common.streams import LogLines

log = logging.getLogger(__name__)
LOG = "sweep.log"
LONG_MEASURING = 600.0  # seconds from which it says so of measuring
LONG = 200_000  # network-steps from which a sweep says beforehand how long it takes


@dataclass
class Job:
    """A job of the sweep on its way: its place, what was asked for, its networks by name, and those that it waits for."""

    number: int
    overrides: list[str]
    prepared: PreparedJob
    folder: Path
    label: str
    tasks: dict[str, PlannedNetwork]
    waits_for: set[str]


class BatchedLauncher(Launcher):
    """Runs all jobs in this process, their networks trained together beforehand.

    Each job goes through Hydra's own ``run_job`` as soon as its networks are there, so that folders, logs and statuses are those of the
    basic launcher. A job that has all its results already is not run.
    """

    def __init__(self) -> None:
        self._config: DictConfig | None = None
        self._context: HydraContext | None = None
        self._composer: Composer | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra hands over."""
        self._context, self._config = hydra_context, config
        self._composer = Composer(hydra_context.config_loader, config)

    def share(self, composer: Composer) -> None:
        """Take over what the sweeper has composed and checked."""
        self._composer = composer

    def check(self, jobs: Sequence[PreparedJob]) -> None:
        """Raise `InputError` if this launcher cannot run the jobs of a sweep; asked before anything is written."""

    def check_sizes(self, jobs: Sequence[PreparedJob]) -> None:
        """Raise `InputError` if a job is too large for where it would run; asked before a plan too."""
        check_all_fit(jobs)

    def plan(self, jobs: Sequence[PreparedJob], folder: Path) -> list[str]:
        """Return the lines that a plan has of this launcher."""
        return []

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Train what the jobs need and run them; a failure is a job's own."""
        results = self.launch_numbered(dict(enumerate(job_overrides, start=initial_job_idx)))
        return [results[number] for number in sorted(results)]

    def launch_numbered(self, asked: Mapping[int, Sequence[str]]) -> dict[int, JobReturn]:
        """Do the same for jobs that have their numbers in the sweep already, and return what came of each."""
        if self._config is None or self._composer is None:
            raise RuntimeError("the launcher was not set up; Hydra calls setup() first.")
        setup_globals()
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)
        sweep_dir = Path(str(self._config.hydra.sweep.dir))
        sweep_dir.mkdir(parents=True, exist_ok=True)
        results: dict[int, JobReturn] = {}
        jobs: list[Job] = []
        known = labels(sweep_dir)
        for number, overrides in asked.items():
            prepared = self._composer.prepare(overrides)
            folder = sweep_dir / prepared.run_id
            if is_complete(prepared, folder):
                results[number] = JobReturn(overrides=list(overrides), status=JobStatus.COMPLETED)
            else:
                tasks = {network.name: network for network in planned_networks(prepared)}
                jobs.append(Job(number, list(overrides), prepared, folder, known.get(prepared.run_id, ""), tasks, set()))
        n_complete = len(results)
        with _CoreLog(self._log_handler(sweep_dir)):
            for part in self._in_turn(jobs):
                results |= self._train_and_run(part, n_complete)
                n_complete = 0  # is said once
        return results

    def _in_turn(self, jobs: list[Job]) -> list[list[Job]]:
        """Return the jobs in parts of which one is run after the other: those that were left without a word may end the process again."""
        left = {job.number for job in jobs if _was_left(job.folder)}
        first, last = ([job for job in jobs if (job.number in left) == is_last] for is_last in (False, True))
        return [first, last] if last else [first]

    def _log_handler(self, sweep_dir: Path) -> logging.Handler:
        """Return where the core's own lines go while networks are trained: to the sweep's log file."""
        return LogFile(sweep_dir / LOG, delay=True)

    def _train_and_run(self, jobs: list[Job], n_complete: int) -> dict[int, JobReturn]:
        """Train group after group of networks, and run every job as soon as its networks are there."""
        missing = _missing(jobs)
        steps = sum(task.steps for task in missing)
        results: dict[int, JobReturn] = {}
        at_hand: dict[str, StoredNetwork] = {}
        what = f"training {len(missing)} networks"
        with TrainingProgress(what, steps) as progress:
            if n_complete:
                progress.write(f"{n_complete} jobs have all their results already.")
            if missing:
                progress.write(f"{what} for {len(jobs)} jobs, {steps:,} network-steps{_estimate(missing, jobs, steps)}.")
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
                        results |= self._fail([task for task, _ in stack], error, jobs, at_hand, progress)
        return results

    def _fail(
        self,
        tasks: Sequence[PlannedNetwork],
        error: Exception,
        jobs: list[Job],
        at_hand: dict[str, StoredNetwork],
        progress: TrainingProgress,
    ) -> dict[int, JobReturn]:
        """Fail the jobs that wait for networks whose training failed, and no other."""
        names = {task.name for task in tasks}
        failed = [job for job in jobs if job.waits_for & names]
        jobs[:] = [job for job in jobs if job not in failed]
        return {job.number: self._run(job, at_hand, progress, error) for job in failed}

    def _run_ready(self, jobs: list[Job], at_hand: dict[str, StoredNetwork], progress: TrainingProgress) -> dict[int, JobReturn]:
        """Run the jobs that wait for nothing, take them off the list, and let go of networks that no other job needs."""
        ready = [job for job in jobs if not job.waits_for]
        jobs[:] = [job for job in jobs if job.waits_for]
        results = {job.number: self._run(job, at_hand, progress) for job in ready}
        needed = {name for job in jobs for name in job.tasks}
        for name in at_hand.keys() - needed:
            del at_hand[name]
        return results

    def _run(self, job: Job, at_hand: dict[str, StoredNetwork], progress: TrainingProgress, error: Exception | None = None) -> JobReturn:
        """Run a job through Hydra, as its basic launcher does; with `error`, it fails with that."""
        if self._config is None or self._composer is None or self._context is None:
            raise RuntimeError("the launcher was not set up; Hydra calls setup() first.")
        config = self._composer.full(job.overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = job.number

        def task(_config: DictConfig) -> None:
            if error is not None:
                note_failure(job.prepared, job.folder, job.label, error, progress.write)
                raise error
            run_noted(job.prepared, job.folder, job.label, progress.write, at_hand=at_hand)

        try:
            result = run_job(
                hydra_context=self._context,
                task_function=task,
                config=config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
            )
            result.cfg = result.hydra_cfg = None  # a quarter of a megabyte, which is a lot for every job of a large sweep
        except Exception as outside:  # of Hydra, before or after the job: a full disk, say, when it writes .hydra/
            note_failure(job.prepared, job.folder, job.label, error or outside, progress.write)
            result = JobReturn(overrides=job.overrides, status=JobStatus.FAILED)
            result.return_value = error or outside
        configure_log(self._config.hydra.hydra_logging, self._config.hydra.verbose)  # job logging off, sweep logging on
        return result


def _was_left(folder: Path) -> bool:
    """Return whether a job was begun and left no word: it may have ended the process, and all others go before it now."""
    return (folder / ".hydra").is_dir() and not (folder / RECORD).is_file()


def _estimate(missing: Sequence[PlannedNetwork], jobs: Sequence[Job], steps: int) -> str:
    """Return what a long sweep will cost; a short one is over before that is known."""
    measuring = sum(estimate(job.prepared.settings, job.prepared.data).seconds_measuring for job in jobs)
    then = f", roughly {duration(measuring)} of one core for measuring" if measuring > LONG_MEASURING else ""
    if steps < LONG:
        return then
    try:
        return f", about {computing(training_seconds(missing))} of training here{then}"
    except Exception:  # networks that do not fit, say: they fail when it is their turn, and say why
        return ""


def _missing(jobs: Sequence[Job]) -> list[PlannedNetwork]:
    """Return the networks that are not in the store, each once, after noting which job waits for which."""
    missing: dict[str, PlannedNetwork] = {}
    for job in jobs:
        store = Store(job.prepared.settings.store)
        absent = {name: task for name, task in job.tasks.items() if not store.holds(name)}
        job.waits_for = set(absent)
        missing |= {name: task for name, task in absent.items() if name not in missing}
    return list(missing.values())


class _CoreLog:
    """Hands what the core says while networks are trained to a handler."""

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
