"""`mlflow`: a run of MLflow for each job, in a database beside the sweep or on a server of one's own."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lmc_sweeps.common import checks
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.loggers.base import Logger
from lmc_sweeps.loggers.logged_job import LoggedJob

RUN_ID, FOLDER, DIGEST = "lmc_sweeps.run_id", "lmc_sweeps.folder", "lmc_sweeps.digest"  # tags; a run without the last is not whole
# Nothing is told to its makers, and a server that is down costs seconds and not minutes.
SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
MOST_METRICS, MOST_PARAMS = 1000, 100  # of one request


@dataclass(frozen=True, kw_only=True)
class MLflow(Logger):
    """Log training curves with epochs as steps, results at step 0, and settings as the parameters of a run.

    Parameters
    ----------
    tracking_uri : str or None
        Of a server or a database; None: the file ``mlflow/mlflow.db`` in the sweep's folder.
    experiment : str
    """

    name: ClassVar[str] = "mlflow"
    packages: ClassVar[tuple[str, ...]] = ("mlflow",)
    tracking_uri: str | None = None
    experiment: str = "lmc_sweeps"

    def __post_init__(self) -> None:
        if self.tracking_uri is not None:
            checks.text("logger.mlflow.tracking_uri", self.tracking_uri)
        checks.text("logger.mlflow.experiment", self.experiment)

    def target(self, folder: Path) -> str:
        return self.tracking_uri or f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}"

    def log(self, jobs: Sequence[LoggedJob], folder: Path) -> int:
        for key, value in SETTINGS.items():
            os.environ.setdefault(key, value)  # read when it is imported, and by its threads
        from mlflow import MlflowClient

        artifacts = None
        if self.tracking_uri is None:
            if any(letter in str(folder.absolute()) for letter in "%?#"):  # which the libraries take for an address's, each in its own way
                raise InputError(f"{str(folder)!r} has %, ? or # in its path: give logger.mlflow.tracking_uri another place.")
            (folder / "mlflow").mkdir(parents=True, exist_ok=True)
            artifacts = (folder / "mlflow" / "artifacts").absolute().as_uri()
        client = MlflowClient(self.target(folder.absolute()))
        experiment = client.get_experiment_by_name(self.experiment)
        number = client.create_experiment(self.experiment, artifacts) if experiment is None else experiment.experiment_id
        count = 0
        for job in jobs:
            runs = client.search_runs([number], f"tags.`{RUN_ID}` = '{job.run_id}'")
            if not any(run.data.tags.get(DIGEST) == job.digest for run in runs):
                _write(job, client, number, str(folder.absolute()))
                # Those of other sweeps stay: they may have matched the same networks with other methods.
                earlier = [run for run in runs if run.data.tags.get(FOLDER) == str(folder.absolute())]
                for run in earlier:  # a run cannot be written anew
                    client.delete_run(run.info.run_id)
                count += 1
        return count


def _write(job: LoggedJob, client: Any, experiment: str, folder: str) -> None:
    from mlflow.entities import Metric, Param

    now = int(1000 * time.time())
    metrics = [Metric(name, value, now, epoch) for name, points in job.curves.items() for epoch, value in points]
    metrics += [Metric(name, value, now, 0) for name, value in job.results.items()]
    run = client.create_run(experiment, run_name=job.title, tags={RUN_ID: job.run_id, FOLDER: folder, "status": job.status}).info.run_id
    for params in _parts([Param(key, str(value)) for key, value in job.settings.items()], MOST_PARAMS):
        client.log_batch(run, params=params)
    for part in _parts(metrics, MOST_METRICS):
        client.log_batch(run, metrics=part)
    client.set_tag(run, DIGEST, job.digest)
    client.set_terminated(run)


def _parts(values: list[Any], most: int) -> Iterator[list[Any]]:
    for start in range(0, len(values), most):
        yield values[start : start + most]
