"""How many workers: what was asked for, as many as cores where nothing was, and no more than there is work or memory for."""

import pytest
from hydra_parts import TINY, composer

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.estimates import MEMORY, estimate
from lmc_sweeps.jobs.planned import planned_networks
from lmc_sweeps.jobs.stack_sizes import largest_stack
from lmc_sweeps.sweeps import worker_count
from lmc_sweeps.sweeps.worker_count import checked_count, workers_for


def jobs(count):
    """Return so many jobs of two networks each, and their networks."""
    prepared = [composer().prepare([*TINY, f"seed={seed}"]) for seed in range(count)]
    return prepared, [network for job in prepared for network in planned_networks(job)]


@pytest.mark.parametrize(("value", "count"), [("auto", None), (3, 3)])
def test_auto_or_a_positive_integer(value, count):
    assert checked_count(value) == count


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "many", "", None, "2"])
def test_anything_else_is_refused(value):
    with pytest.raises(InputError, match=r"`hydra.launcher.workers` must be auto or a positive integer, got "):
        checked_count(value)


def test_as_many_as_cores_and_no_more_than_there_is_to_do(monkeypatch):
    monkeypatch.setattr(worker_count, "START", "fork")
    monkeypatch.setattr(worker_count, "cores", lambda mistake: 8)
    some, networks = jobs(3)
    assert workers_for("auto", some, networks) == 6
    assert workers_for("auto", some, []) == 3
    assert workers_for("auto", *jobs(20)) == 8
    assert workers_for(16, *jobs(20)) == 16
    assert workers_for(16, some, []) == 3
    assert workers_for("auto", [], []) == 1


def test_where_processes_cannot_be_forked_there_are_several_on_request_alone(monkeypatch):
    monkeypatch.setattr(worker_count, "START", "spawn")
    assert workers_for("auto", *jobs(4)) == 1
    assert workers_for(3, *jobs(4)) == 3


def test_each_has_room_for_the_largest_job_or_stack(monkeypatch):
    monkeypatch.setattr(worker_count, "START", "fork")
    monkeypatch.setattr(worker_count, "cores", lambda mistake: 8)
    some, networks = jobs(4)
    largest = max(estimate(some[0].settings, some[0].data).bytes, largest_stack(networks))
    of_worker = worker_count.OF_PROCESS + 2 * some[0].data.train.inputs.nbytes + largest
    for count in (1, 3):
        monkeypatch.setenv(MEMORY, str(1.01 * count * of_worker / worker_count.SHARE / 1e9))
        assert workers_for("auto", some, networks) == count
