"""Networks with batch norms in sweeps: trained, killed and gone on with, kept and measured with their running statistics."""

import numpy as np
import pytest
import torch
from normalised_jobs import ALWAYS, DATA, STATISTICS, job, killed
from normalised_networks import CLASSES
from small_jobs import timeless

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Data
from lmc_sweeps.jobs.job import run_job
from lmc_sweeps.jobs.planned import planned_networks
from lmc_sweeps.jobs.stacks import train_all
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.measuring.gaps import relative_movement
from lmc_sweeps.models.base import stacked
from lmc_sweeps.repair.none import NoRepair
from lmc_sweeps.repair.reset import Reset
from lmc_sweeps.training.recipe import Training


@pytest.mark.parametrize("stack", [1, 2])
def test_a_job_that_was_killed_goes_on_to_the_same_record(tmp_path, stack):
    changes = {"training": Training(**{**vars(ALWAYS), "stack": stack}), "repair": (NoRepair(), Reset())}
    whole = run_job(job(**changes, store=tmp_path / "store a"), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_job(job(**changes, store=tmp_path / "store"), tmp_path / "killed", killed(3))
    resumed = run_job(job(**changes, store=tmp_path / "store"), tmp_path / "killed")
    for table in ("runs", "curves", "layers"):
        assert timeless(resumed[table]) == timeless(whole[table])
    assert [{**network, "seconds": 0} for network in resumed["networks"]] == [{**network, "seconds": 0} for network in whole["networks"]]


def test_the_final_loss_is_the_measured_one_and_statistics_are_in_the_file_but_no_movement(tmp_path):
    made = job(store=tmp_path / "store")
    record = run_job(made, tmp_path / "job")
    stored = [Store(tmp_path / "store").find(name).parameters for name in made.network_names]
    for network in stored:
        assert network.keys() >= STATISTICS
    planned = planned_networks(made)
    assert planned[0].statistics == STATISTICS
    weights = [{name: tensor for name, tensor in network.items() if name not in STATISTICS} for network in stored]
    initial = [{name: tensor for name, tensor in each.initial().items() if name not in STATISTICS} for each in planned]
    moved = sum(map(relative_movement, initial, weights)) / 2
    for row in (row for row in record["runs"] if row["split"] == "train"):
        assert row["relative_movement"] == moved
        for letter, network in zip("ab", record["networks"], strict=True):
            np.testing.assert_allclose(row[f"loss_{letter}"], network["loss_final"], rtol=1e-6)


def test_a_stack_of_convolutional_networks_has_the_bits_of_each_trained_alone():
    together, alone = {}, {}
    for trained in train_all(planned_networks(job(training=Training(**{**vars(ALWAYS), "stack": 2}))), Store(None), lambda steps: None):
        together |= trained
    for network in planned_networks(job()):
        for trained in train_all([network], Store(None), lambda steps: None):
            alone |= trained
    for name, network in together.items():
        assert network.facts == alone[name].facts
        for key, tensor in network.parameters.items():
            assert torch.equal(tensor, alone[name].parameters[key]), key


def test_running_statistics_that_are_kept_are_those_of_the_step():
    """Evaluation mode: what the network computes at the end is what its module computes with the statistics in its file."""
    network = planned_networks(job())[0]
    (trained,) = train_all([network], Store(None), lambda steps: None)
    parameters = trained[network.name].parameters
    module = network.architecture.module(parameters)
    outputs = network.architecture.forward(stacked([parameters]), DATA.test.inputs)[0]
    torch.testing.assert_close(outputs, module(DATA.test.inputs).detach(), rtol=1e-5, atol=1e-6)
    assert not torch.equal(parameters["1.running_mean"], network.initial()["1.running_mean"])


def test_networks_share_a_stack_only_if_they_see_and_aim_at_the_same():
    def kind(**changes):
        return planned_networks(job(training=Training(**{**vars(ALWAYS), **changes})))[0].kind()

    assert len({kind(), kind(label_smoothing=0.0), kind(augmentation="crop"), kind(crop_padding=2)}) == 4


def test_augmentation_of_what_is_no_image_is_refused():
    flat = Data(*(type(part)(part.inputs.flatten(1), part.labels) for part in (DATA.train, DATA.test)), CLASSES)
    with pytest.raises(InputError, match=r"^`training\.augmentation` must be none for examples that are no images"):
        job().settings.check_against(flat)
