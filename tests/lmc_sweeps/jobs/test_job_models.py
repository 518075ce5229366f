"""Jobs of the models whose symmetries are traced, from nothing to a record: what holds whatever the model and its norms."""

import numpy as np
import pytest
from small_jobs import small_job, timeless
from small_models import MODELS

from lmc_sweeps.datasets.base import Data
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.repair.repair import LayerwiseRepair
from lmc_sweeps.repair.reset import Reset
from lmc_sweeps.training.recipe import Training

ROUNDING = 1e-5  # of outputs in float32
EVERY_NORM = [name for name in MODELS if name not in ("cnn mean", "vit token")]
SLOW = ("cnn none", "gpt layer")  # that are matched and repaired by what takes long, too


def job(name: str, **changes) -> PreparedJob:
    """Return a job of a small model: two networks, two epochs of two steps."""
    small = MODELS[name]
    data = Data(small.drawn(12, 0), small.drawn(6, 1), small.shape.classes)
    training = Training(epochs=2, batch_size=7, checkpoint_seconds=0.0)
    settings = {"model": small.model, "width": small.shape.width, "depth": small.shape.depth, "training": training, "points": 3}
    return small_job(data, **settings | changes)


@pytest.mark.parametrize("name", EVERY_NORM)
def test_a_job_keeps_functions_and_measures_what_was_trained(name, tmp_path):
    methods = (Weights(), Activations(), *((Rebasin(),) if name in SLOW else ()))
    repairs = (NoRepair(), *((Reset(),) if name.endswith("batch") else ()), *((LayerwiseRepair(),) if name in SLOW else ()))
    record = run_job(job(name, matching=methods, repair=repairs), tmp_path)
    losses = [network["loss_final"] for network in record["networks"]]
    assert len(record["runs"]) == (1 + len(methods)) * len(repairs) * 2
    for row in record["runs"]:
        assert row["function_gap"] < ROUNDING
        if row["matching"] == "identity":
            assert row["function_gap"] == 0
        if row["split"] == "train" and row["repair"] == "none":
            np.testing.assert_allclose((row["loss_a"], row["loss_b"]), losses, rtol=1e-6)


@pytest.mark.parametrize("name", ["resnet8 batch", "gpt layer"])
def test_a_job_that_was_killed_goes_on_to_the_same_record(name, tmp_path):
    def killed(networks: int) -> None:
        steps.append(networks)
        if len(steps) == 3:
            raise KeyboardInterrupt

    steps: list[int] = []
    whole = run_job(job(name, store=tmp_path / "store a"), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_job(job(name, store=tmp_path / "store"), tmp_path / "killed", killed)
    resumed = run_job(job(name, store=tmp_path / "store"), tmp_path / "killed")
    for table in ("runs", "curves", "layers"):
        assert timeless(resumed[table]) == timeless(whole[table])
    assert [{**network, "seconds": 0} for network in resumed["networks"]] == [{**network, "seconds": 0} for network in whole["networks"]]
