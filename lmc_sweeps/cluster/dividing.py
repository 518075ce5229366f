"""Dividing the jobs of a sweep into tasks of a cluster: networks of one shape together, none too large or too small."""

import math
from collections.abc import Iterator, Sequence

from lmc_sweeps.jobs.estimates import estimate
from lmc_sweeps.jobs.planned import PlannedNetwork

MOST_NETWORKS = 64  # in a task, if nothing else is set: more than one stack of the best size, up to some hours of training


def divide(jobs: Sequence[Sequence[PlannedNetwork]], most: int | None = None, least_seconds: float = 0.0) -> list[list[int]]:
    """Return which jobs go into one task of the cluster, by their indices in `jobs`.

    Jobs whose networks have one shape fill tasks of about one size. Jobs that share networks stay together, so that no network is trained
    twice. Tasks that are over sooner than they start up are put together.

    Parameters
    ----------
    jobs : sequence of sequences of PlannedNetwork
        The networks of every job, network 0 first.
    most : int, optional
        Networks in a task, those in the store counted too; `training.stack` where that is set, else `MOST_NETWORKS`. Only a job that has
        more by itself makes a larger task.
    least_seconds : float
        Tasks of less work than that, by `rough_seconds`, are put together.

    Returns
    -------
    list of lists of int
        Every index once, tasks in the order of their first jobs.
    """
    shapes: dict[object, list[int]] = {}
    for index, networks in enumerate(jobs):
        shapes.setdefault(networks[0].kind(), []).append(index)
    parts = [part for alike in shapes.values() for part in _cut(alike, jobs, _bound(jobs[alike[0]], most))]
    return sorted(_put_together(parts, jobs, most, least_seconds))


def rough_seconds(networks: Sequence[PlannedNetwork]) -> float:
    """Return about how long one core trains and measures the networks of a job, from a count of operations, the same on every machine."""
    needed = estimate(networks[0].settings, networks[0].data)
    return needed.seconds_training + needed.seconds_measuring


def _bound(networks: Sequence[PlannedNetwork], most: int | None) -> int:
    return most or networks[0].settings.training.stack or MOST_NETWORKS


def _networks(part: Sequence[int], jobs: Sequence[Sequence[PlannedNetwork]]) -> int:
    return len({network.name for index in part for network in jobs[index]})


def _cut(alike: Sequence[int], jobs: Sequence[Sequence[PlannedNetwork]], bound: int) -> Iterator[list[int]]:
    """Yield the jobs of one shape in parts of about one size."""
    sharing: dict[str, list[int]] = {}
    for index in alike:  # a job's networks are numbered from 0, so jobs that share any share this one
        sharing.setdefault(jobs[index][0].name, []).append(index)
    sizes = {name: _networks(indices, jobs) for name, indices in sharing.items()}
    total = sum(sizes.values())
    even = min(bound, math.ceil(total / math.ceil(total / bound)) + max(sizes.values()) - 1)  # with room for what is not cut
    part: list[int] = []
    filled = 0
    for name, indices in sharing.items():
        if part and filled + sizes[name] > even:
            yield part
            part, filled = [], 0
        part, filled = part + indices, filled + sizes[name]
    yield part


def _put_together(
    parts: Sequence[list[int]], jobs: Sequence[Sequence[PlannedNetwork]], most: int | None, least_seconds: float
) -> Iterator[list[int]]:
    """Yield the parts, small ones put together in order until they are large enough, within the bound of each."""
    waiting: list[int] = []
    for part in parts:
        if sum(rough_seconds(jobs[index]) for index in part) >= least_seconds:
            yield sorted(part)
            continue
        bound = min(_bound(jobs[index], most) for index in (*waiting, *part))
        if waiting and _networks([*waiting, *part], jobs) > bound:
            yield sorted(waiting)
            waiting = []
        waiting = [*waiting, *part]
        if sum(rough_seconds(jobs[index]) for index in waiting) >= least_seconds:
            yield sorted(waiting)
            waiting = []
    if waiting:
        yield sorted(waiting)
