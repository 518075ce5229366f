"""What a worker does for a sweep: it tries sizes of stacks, trains a stack, runs a job."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from hydra.core.utils import JobReturn, JobRuntime, JobStatus, configure_log, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from lmc_sweeps.common.log_files import LogFile
from lmc_sweeps.common.worker_process import Progress, portable
from lmc_sweeps.jobs.balancing import Waiting
from lmc_sweeps.jobs.network_files import StoredNetwork
from lmc_sweeps.jobs.planned import PlannedNetwork
from lmc_sweeps.jobs.stack_sizes import stack_times
from lmc_sweeps.jobs.stacks import begun, report_curves, train_stack
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.sweeps.composing import JobComposer
from lmc_sweeps.sweeps.config import prepared_as
from lmc_sweeps.sweeps.pending import PendingJob
from lmc_sweeps.sweeps.running import report_failure, run_reported
from lmc_sweeps.sweeps.saved_configs import saved_by_us
from multirun_analysis.common.streams import LogLines

CORE = logging.getLogger("lmc_sweeps")


@dataclass(frozen=True)
class Trained:
    """What has come of a stack: the names of the networks that are trained, those at hand, and why the others are not trained.

    For the process that asks all that were trained are at hand, for another one those that could not be kept in the store.
    """

    names: frozenset[str]
    at_hand: Mapping[str, StoredNetwork]
    failure: Exception | None


@dataclass
class SweepWork:
    """The jobs of a sweep that are to be run, the networks to be trained for them, and all that Hydra needs to run a job.

    `log_file` is that of the core's log lines while networks are trained.
    """

    function: TaskFunction  # first: unpickling it imports lmc_sweeps.cli, where Hydra learns of our plugins
    context: HydraContext
    config: DictConfig
    composer: JobComposer
    jobs: Mapping[int, PendingJob]
    networks: Mapping[str, PlannedNetwork]
    log_file: Path
    _progress: Progress | None = None
    _is_alone: bool = True

    def begin(self, progress: Progress, is_alone: bool) -> None:
        """Make a process ready: one that was not forked knows nothing of Hydra yet."""
        self._progress, self._is_alone = progress, is_alone
        if CORE.handlers:
            return
        logging.raiseExceptions = False  # a log file on a full disk must not fill the terminal with tracebacks of its own
        setup_globals()
        JobRuntime.instance().set("name", self.config.hydra.job.name)
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        send_core_log(LogFile(self.log_file, delay=True))

    def try_sizes(self, names: Sequence[str]) -> list[Waiting]:
        """Return the networks of a group by where an earlier run left them, with the seconds that stacks of them take here."""
        group = [self.networks[name] for name in names]
        store = Store(group[0].settings.store)
        report_curves(group, store)
        every = [[network for network, _ in waiting] for waiting in begun(group, store)]
        return [Waiting(tuple(network.name for network in networks), stack_times(networks)) for networks in every]

    def train(self, names: Sequence[str]) -> Trained:
        """Train networks in a stack and keep them in the store; those that are there already, before a worker was lost, are left alone."""
        group = [self.networks[name] for name in names]
        store, progress = Store(group[0].settings.store), self._progress or (lambda steps: None)
        ended = self.stored(names)
        trained: dict[str, StoredNetwork] = {}
        failure: Exception | None = None
        for waiting in begun([network for network in group if network.name not in ended], store):
            try:
                for networks in train_stack(waiting, store, progress):
                    trained |= networks
            except Exception as error:
                failure = portable(error)
        if not self._is_alone:
            at_hand = {name: _as_arrays(trained[name]) for name in trained.keys() - self.stored(names)}
        else:
            at_hand = trained
        return Trained(frozenset(ended | trained.keys()), at_hand, failure)

    def stored(self, names: Sequence[str]) -> frozenset[str]:
        """Return which networks are in the store."""
        networks = [self.networks[name] for name in names]
        return frozenset(each.name for each in networks if Store(each.settings.store).holds(each.name, each.curve_epochs))

    def run(self, number: int, at_hand: Mapping[str, StoredNetwork], error: Exception | None = None) -> tuple[JobReturn, list[str]]:
        """Run a job through Hydra, as its basic launcher does, and return the lines to be written too; with `error`, it fails with that."""
        job, lines = self.jobs[number], list[str]()
        config = self.composer.full(job.overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        networks = {name: _as_tensors(network) for name, network in at_hand.items()}

        def run_this(_config: DictConfig) -> None:
            if error is not None:
                report_failure(job.prepared, job.folder, job.label, error, lines.append)
                raise error
            run_reported(job.prepared, job.folder, job.label, lines.append, at_hand=networks)

        try:
            with prepared_as(job.prepared), saved_by_us():
                result = run_job(
                    hydra_context=self.context,
                    task_function=run_this,
                    config=config,
                    job_dir_key="hydra.sweep.dir",
                    job_subdir_key="hydra.sweep.subdir",
                )
            result.cfg = result.hydra_cfg = None  # a quarter of a megabyte, too much for each job of a large sweep
        except Exception as outside:  # of Hydra, before or after the job: a full disk when it writes .hydra/, for example
            report_failure(job.prepared, job.folder, job.label, error or outside, lines.append)
            result = JobReturn(overrides=job.overrides, status=JobStatus.FAILED)
            result.return_value = error or outside
        if isinstance(result._return_value, Exception):
            result.return_value = portable(result._return_value)
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)  # job logging off, sweep logging on
        return result, lines


def send_core_log(handler: logging.Handler) -> None:
    """Send the core's log lines to a handler too."""
    handler.setFormatter(LogLines("[%(asctime)s][%(levelname)s] - %(message)s"))
    CORE.addHandler(handler)
    CORE.setLevel(logging.INFO)


def _as_arrays(network: StoredNetwork) -> Any:
    """Return a network for another process: tensors would be sent in shared memory, of which containers have little."""
    arrays: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in network.parameters.items()}
    return replace(network, parameters=arrays)


def _as_tensors(network: StoredNetwork) -> StoredNetwork:
    return replace(network, parameters={name: torch.as_tensor(values) for name, values in network.parameters.items()})
