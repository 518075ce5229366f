"""Jobs of a second for tests: what one is asked for, one that is prepared, and what their folders hold in the end."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from lmc_sweeps.datasets.base import Data, Split, fingerprint
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.records import read_record
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Training

CLOCK = ("seconds_train", "seconds_match", "seconds_evaluate")  # columns of the times that something took
SMALL: dict[str, Any] = {
    "width": 6,
    "depth": 1,
    "networks": 2,
    "seed": 0,
    "dataset": Digits(),
    "model": Mlp(),
    "optimizer": Sgd(),
    "training": Training(epochs=1),
    "matching": (Weights(),),
    "device": "cpu",
    "precision": "float32",
    "points": 5,
    "store": None,
}


@cache
def digits() -> Data:
    """Return the digits, loaded once."""
    return Digits().load()


def as_vectors(data: Data) -> Data:
    """Return images flattened, as datasets gave them before images kept their shape."""
    return replace(
        data, **{part: Split(split.inputs.flatten(1), split.labels) for part, split in {"train": data.train, "test": data.test}.items()}
    )


def small_settings(**changes: Any) -> JobSettings:
    """Return the settings of a small job on digits, but for some."""
    return JobSettings(**{**SMALL, **changes})


def small_job(data: Data | None = None, **changes: Any) -> PreparedJob:
    """Return a small job that can run, on digits unless other data are given."""
    data = digits() if data is None else data
    return PreparedJob(small_settings(**changes), data, fingerprint(data))


def with_settings(job: PreparedJob, **changes: Any) -> PreparedJob:
    """Return the same job with other settings."""
    return replace(job, settings=replace(job.settings, **changes))


def silent(steps: int) -> None:
    """Take no notice of progress."""


def files(folder: Path) -> dict[str, bytes]:
    """Return the contents of a folder's files by their names."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def keys(record: dict, table: str = "runs") -> list[tuple]:
    """Return the keys of the rows of a record's table."""
    return [
        tuple(row.get(key) for key in ("network_a", "network_b", "matching", "settings_hash", "repair", "repair_hash", "split"))
        for row in record[table]
    ]


def timeless(rows: list[dict]) -> list[dict]:
    """Return rows without the times that something took."""
    return [{key: value for key, value in row.items() if key not in CLOCK} for row in rows]


def measured(folder: Path) -> dict[tuple, dict]:
    """Return the rows of a folder's record by their keys, times aside."""
    record = read_record(folder)
    return dict(zip(keys(record), timeless(record["runs"]), strict=True))
