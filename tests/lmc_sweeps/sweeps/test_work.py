"""What a worker does, done in this process: it returns the networks that others cannot find in the store."""

import logging

import pytest
import torch
from hydra._internal.callbacks import Callbacks
from hydra.types import HydraContext
from hydra_parts import TINY, composer, loader, sweep_config

from lmc_sweeps.jobs.planned import planned_networks
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.sweeps.pending import PendingJob
from lmc_sweeps.sweeps.work import CORE, SweepWork


@pytest.fixture
def sweep_work(tmp_path):
    """Return what makes the work of a sweep of one job, in a process that knows Hydra and has a log."""
    handler = logging.NullHandler()
    CORE.addHandler(handler)

    def make(is_alone, store):
        prepared = composer().prepare([*TINY, f"store.dir={store}", "training.epochs=2"])
        networks = {network.name: network for network in planned_networks(prepared)}
        job = PendingJob(0, [], prepared, tmp_path / prepared.run_id, "", networks, set(networks))
        context = HydraContext(config_loader=loader(), callbacks=Callbacks())
        made = SweepWork(print, context, sweep_config(), composer(), {0: job}, networks, tmp_path / "sweep.log")
        made.begin(steps.append, is_alone)
        return made

    steps = []
    make.steps = steps
    yield make
    CORE.removeHandler(handler)


def test_all_trained_networks_are_at_hand_for_the_process_that_asks(sweep_work, tmp_path):
    work = sweep_work(True, tmp_path / "store")
    trained = work.train(list(work.networks)).at_hand
    store = Store(tmp_path / "store")
    for name, network in trained.items():
        stored = store.find(name, work.networks[name].template)
        assert all(torch.equal(tensor, stored.parameters[key]) for key, tensor in network.parameters.items())
    assert trained.keys() == work.networks.keys()
    assert sum(sweep_work.steps) == sum(network.steps for network in work.networks.values())


def test_another_process_is_sent_what_the_store_has_not(sweep_work, tmp_path):
    with_store = sweep_work(False, tmp_path / "store")
    assert with_store.train(list(with_store.networks)).at_hand == {}
    work = sweep_work(False, "null")
    sent = work.train(list(work.networks)).at_hand
    assert sent.keys() == work.networks.keys()
    for name, network in sent.items():
        stored = Store(tmp_path / "store").find(name, work.networks[name].template)
        assert network.facts == stored.facts
        assert all((values == stored.parameters[key].numpy()).all() for key, values in network.parameters.items())


def test_sizes_are_tried_of_networks_that_can_share_a_stack(sweep_work, tmp_path):
    work = sweep_work(True, tmp_path / "store")
    (waiting,) = work.try_sizes(list(work.networks))
    assert waiting.names == tuple(work.networks)
    assert 1 <= waiting.times.best <= len(work.networks)
    assert not Store(tmp_path / "store").holds(waiting.names[0])
