"""Running one job in its folder: its result in one line; a failure is recorded before it goes up to Hydra."""

import importlib
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.network_files import StoredNetwork
from lmc_sweeps.jobs.planned import planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import Record, write_failure
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.sweeps.expected import conceal, labels
from lmc_sweeps.sweeps.progress import TrainingProgress
from lmc_sweeps.sweeps.summary import job_line
from lmc_sweeps.transport.pot import load_pot
from multirun_analysis.common.lean_imports import process_is_ours, uncollected, without
from multirun_analysis.common.redaction import redacted_text

log = logging.getLogger(__name__)
Write = Callable[[str], object]


def load_libraries(jobs: Iterable[PreparedJob]) -> None:
    """Import what jobs are matched with: once, before workers begin and seconds are counted, and no more of it than is used."""
    if any(job.settings.matching for job in jobs):
        process_is_ours()
        with uncollected(), without("charset_normalizer"):  # NumPy's translator of Fortran would have it
            importlib.import_module("scipy.optimize")
            load_pot()


def run_alone(prepared: PreparedJob, folder: Path, sweep_dir: Path) -> Record:
    """Run a job that trains its networks itself, with its own progress."""
    networks = planned_networks(prepared)
    store = Store(prepared.settings.store)
    total = sum(network.steps for network in networks if not store.holds(network.name, network.curve_epochs))
    label = labels(sweep_dir).get(prepared.run_id, "")
    load_libraries([prepared])
    with TrainingProgress(label, total) as progress:
        return run_reported(prepared, folder, label, progress.write, progress)


def run_reported(
    prepared: PreparedJob,
    folder: Path,
    label: str,
    write: Write,
    progress: Callable[[int], None] = lambda steps: None,
    at_hand: Mapping[str, StoredNetwork] = MappingProxyType({}),
) -> Record:
    """Run a job and write its result in one line; a failure is written, recorded and raised again."""
    conceal(folder)
    try:
        record = run_job(prepared, folder, progress, at_hand)
    except Exception as error:
        report_failure(prepared, folder, label, error, write)
        raise
    write(f"{label} {job_line(record)}")
    return record


def report_failure(prepared: PreparedJob, folder: Path, label: str, error: Exception, write: Write) -> None:
    """Write that a job failed, and record it: in its record and, with the traceback, in its log."""
    sentence = f"{type(error).__name__}: {error}"
    conceal(folder)
    log.info("%s failed", label, exc_info=error)  # to the job's log file only; the terminal gets the sentence
    try:
        write_failure(folder, prepared.run_id, prepared.scope, redacted_text(sentence))
    except (OSError, InputError) as second:  # a full disk, or a record that must not be overwritten: the first failure is the one to report
        log.info("the failure could not be recorded: %s", second)
    write(f"{label} failed: {sentence} (see {folder})")
