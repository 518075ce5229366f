"""A network to train that takes no time, and one that is trained, for tests of tasks, stacks and the store."""

from dataclasses import replace

import torch

from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.datasets.gaussian_mixture import GaussianMixture
from lmc_sweeps.jobs.network_files import Facts, StoredNetwork
from lmc_sweeps.jobs.planned import PlannedNetwork
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Training

DATASET = GaussianMixture(ambient_dimension=5, classes=3, train_size=60, test_size=30)
DATA = DATASET.load()
MARK = fingerprint(DATA)


def task(number: int = 0, **changes: object) -> PlannedNetwork:
    settings = {
        "width": 6, "depth": 1, "networks": 2, "seed": 0, "dataset": DATASET, "model": Mlp(), "optimizer": Sgd(), "device": "cpu",
        "training": Training(epochs=3, batch_size=16), "matching": (Weights(),), "precision": "float32", "points": 5, "store": None,
    }  # fmt: skip
    return PlannedNetwork(PreparedJob(JobSettings(**(settings | changes)), DATA, MARK), number)  # type: ignore[arg-type]


def with_settings(network: PlannedNetwork, **changes: object) -> PlannedNetwork:
    """Return the same network of a job with other settings."""
    job = network.job
    return PlannedNetwork(replace(job, settings=replace(job.settings, **changes)), network.number)  # type: ignore[arg-type]


def network(value: float = 1.0, seconds: float = 2.5) -> StoredNetwork:
    """Return a trained network of two tensors."""
    rng = torch.Generator().manual_seed(0)
    parameters = {"b.weight": value * torch.randn(3, 4, generator=rng), "a.bias": torch.randn(3, generator=rng)}
    return StoredNetwork(parameters, Facts(loss_initial=2.3, loss_final=0.125, finite=True), seconds)
