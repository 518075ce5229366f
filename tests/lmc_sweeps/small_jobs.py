"""Jobs of a second for tests: what one is asked for, and one that is prepared."""

from functools import cache
from typing import Any

from lmc_sweeps.datasets.base import Data, fingerprint
from lmc_sweeps.datasets.digits import Digits
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.loop import Training
from lmc_sweeps.training.optimizers import Sgd

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


def small_settings(**changes: Any) -> JobSettings:
    """Return the settings of a small job on digits, but for some."""
    return JobSettings(**{**SMALL, **changes})


def small_job(data: Data | None = None, **changes: Any) -> PreparedJob:
    """Return a small job that can run, on digits unless other data are given."""
    data = digits() if data is None else data
    return PreparedJob(small_settings(**changes), data, fingerprint(data))
