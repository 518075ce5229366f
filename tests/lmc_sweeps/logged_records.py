"""A finished job of three networks with training curves, and what is logged of it; what every logger must have done with it."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from small_jobs import small_job

from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import Record
from lmc_sweeps.loggers.logged_job import LoggedJob, logged_job
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.repair.rescale import Rescale
from lmc_sweeps.training.recipe import Training


@cache
def prepared() -> PreparedJob:
    """Return the job: two methods of one name, two repairs, both splits."""
    return small_job(
        networks=3,
        training=Training(epochs=2, curve_epochs=1),
        matching=(Weights(), Weights(biases=True)),
        repair=(NoRepair(), Rescale()),
    )


@cache
def finished() -> Record:
    """Return its record, as it is read."""
    with TemporaryDirectory() as folder:
        return run_job(prepared(), Path(folder))


def example(label: str = "width=6 seed=0") -> LoggedJob:
    """Return what is logged of it."""
    return logged_job(finished(), label)


def points(job: LoggedJob) -> dict[tuple[str, int], float]:
    """Return all that is logged of a job by name and step: training curves at their epochs, results at 0."""
    curves = {(name, epoch): value for name, curve in job.curves.items() for epoch, value in curve}
    return curves | {(name, 0): value for name, value in job.results.items()}
