"""The unfinished jobs of a sweep: which networks they need and wait for, and what training and measuring them will cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lmc_sweeps.jobs.estimates import estimate
from lmc_sweeps.jobs.planned import PlannedNetwork
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.stack_sizes import training_seconds
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.sweeps.progress import computing, duration
from multirun_analysis.schema import HYDRA_FOLDER, RECORD

LONG_MEASURING = 600.0  # seconds of measuring from which they are written beforehand
LONG_TRAINING = 200_000  # network-steps from which the time that they take is written beforehand


@dataclass
class PendingJob:
    """An unfinished job of a sweep: its number and overrides, its networks by name, and those that it waits for."""

    number: int
    overrides: list[str]
    prepared: PreparedJob
    folder: Path
    label: str
    networks: dict[str, PlannedNetwork]
    waits_for: set[str]


def was_interrupted(folder: Path) -> bool:
    """Return whether a job was begun and left no record: it may have ended the process."""
    return (folder / HYDRA_FOLDER).is_dir() and not (folder / RECORD).is_file()


def missing_networks(jobs: Sequence[PendingJob]) -> list[PlannedNetwork]:
    """Return the networks that the store lacks, or has without the training curve asked for, each once; set which each job waits for."""
    missing: dict[str, PlannedNetwork] = {}
    for job in jobs:
        store = Store(job.prepared.settings.store)
        absent = {name: network for name, network in job.networks.items() if not store.holds(name, network.curve_epochs)}
        job.waits_for = set(absent)
        missing |= {name: network for name, network in absent.items() if name not in missing}
    return list(missing.values())


def already_done(count: int) -> str:
    """Return the sentence on jobs that need nothing more."""
    return "1 job already has all its results." if count == 1 else f"{count} jobs already have all their results."


def measuring_seconds(job: PendingJob) -> float:
    """Return about how long one worker matches and measures the pairs of a job."""
    return estimate(job.prepared.settings, job.prepared.data).seconds_measuring


def cost(missing: Sequence[PlannedNetwork], measuring: float, steps: int, workers: int = 1) -> str:
    """Return the estimated cost of a long sweep, `measuring` seconds among it; a short one is over before it could be estimated."""
    then = f", roughly {duration(measuring)} of one core for measuring" if measuring > LONG_MEASURING else ""
    if steps < LONG_TRAINING:
        return then
    try:
        return f", about {computing(training_seconds(missing), workers)} of training here{then}"
    except Exception:  # networks that do not fit, for example: they fail in their turn, with the reason
        return ""
