"""Unfinished jobs: which networks they wait for, which were interrupted, and what a long sweep will cost."""

from pathlib import Path

from small_tasks import network, task

from lmc_sweeps.jobs.planned import planned_networks
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.sweeps import pending
from lmc_sweeps.sweeps.pending import PendingJob, cost, measuring_seconds, missing_networks, was_interrupted


def pending_job(number: int, folder: Path, **changes) -> PendingJob:
    prepared = task(seed=3, store=folder / "store", **changes).job
    networks = {planned.name: planned for planned in planned_networks(prepared)}
    return PendingJob(number, [], prepared, folder / str(number), "", networks, set())


def test_a_network_of_several_jobs_is_missing_once_and_all_of_them_wait_for_it(tmp_path):
    two, three = pending_job(0, tmp_path), pending_job(1, tmp_path, networks=3)
    first = next(iter(two.networks.values()))
    Store(tmp_path / "store").save(first.name, first.identity, network())
    missing = missing_networks([two, three])
    assert [planned.name for planned in missing] == three.prepared.network_names[1:]
    assert two.waits_for == set(two.prepared.network_names[1:])
    assert three.waits_for == set(three.prepared.network_names[1:])


def test_a_job_that_was_begun_and_left_no_record_was_interrupted(tmp_path):
    assert not was_interrupted(tmp_path)
    (tmp_path / ".hydra").mkdir()
    assert was_interrupted(tmp_path)
    (tmp_path / "record.json").touch()
    assert not was_interrupted(tmp_path)


def test_the_cost_of_a_long_sweep_alone_is_said(tmp_path, monkeypatch):
    job = pending_job(0, tmp_path)
    missing = missing_networks([job])
    assert cost(missing, 1.0, steps=100) == ""
    monkeypatch.setattr(pending, "training_seconds", lambda networks: 600.0)
    assert cost(missing, 1.0, steps=200_000) == ", about 10 min (10.0 core-minutes) of training here"
    assert cost(missing, 1200.0, steps=100) == ", roughly 20 min of one core for measuring"
    assert measuring_seconds(job) > 0


def test_networks_that_do_not_fit_are_no_estimate_and_fail_in_their_turn(tmp_path, monkeypatch):
    def fail(networks):
        raise MemoryError

    monkeypatch.setattr(pending, "training_seconds", fail)
    assert cost([], 1.0, steps=200_000) == ""
