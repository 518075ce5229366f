"""Dividing the jobs of a sweep into tasks of a cluster: networks of one shape together, none too large, none hardly worth a start."""

import math
from collections.abc import Iterator, Sequence

from lmc_sweeps.jobs.estimates import estimate
from lmc_sweeps.jobs.planned import PlannedNetwork

MOST_NETWORKS = 64  # in a task, where nothing else is said: more than one stack of what pays, up to some hours of training


def divide(jobs: Sequence[Sequence[PlannedNetwork]], most: int | None = None, least_seconds: float = 0.0) -> list[list[int]]:
    """Return which jobs go into one task of the cluster, by their places in `jobs`.

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
        Every place once, tasks in the order of their first jobs.
    """
    shapes: dict[object, list[int]] = {}
    for place, tasks in enumerate(jobs):
        shapes.setdefault(tasks[0].kind(), []).append(place)
    parts = [part for alike in shapes.values() for part in _cut(alike, jobs, _bound(jobs[alike[0]], most))]
    return sorted(_put_together(parts, jobs, most, least_seconds))


def rough_seconds(tasks: Sequence[PlannedNetwork]) -> float:
    """Return about how long one core trains and measures the networks of a job: a count of operations, which looks at no machine."""
    needed = estimate(tasks[0].settings, tasks[0].data)
    return needed.seconds_training + needed.seconds_measuring


def _bound(tasks: Sequence[PlannedNetwork], most: int | None) -> int:
    return most or tasks[0].settings.training.stack or MOST_NETWORKS


def _networks(part: Sequence[int], jobs: Sequence[Sequence[PlannedNetwork]]) -> int:
    return len({task.name for place in part for task in jobs[place]})


def _cut(alike: Sequence[int], jobs: Sequence[Sequence[PlannedNetwork]], bound: int) -> Iterator[list[int]]:
    """Yield the jobs of one shape in parts of about one size."""
    sharing: dict[str, list[int]] = {}
    for place in alike:  # a job's networks are numbered from 0, so jobs that share any share this one
        sharing.setdefault(jobs[place][0].name, []).append(place)
    sizes = {name: _networks(part, jobs) for name, part in sharing.items()}
    total = sum(sizes.values())
    even = min(bound, math.ceil(total / math.ceil(total / bound)) + max(sizes.values()) - 1)  # with room for what is not cut
    found: list[int] = []
    filled = 0
    for name, part in sharing.items():
        if found and filled + sizes[name] > even:
            yield found
            found, filled = [], 0
        found, filled = found + part, filled + sizes[name]
    yield found


def _put_together(
    parts: Sequence[list[int]], jobs: Sequence[Sequence[PlannedNetwork]], most: int | None, least_seconds: float
) -> Iterator[list[int]]:
    """Yield the parts, the small ones in turn put together until they are large enough, within the bound of each."""
    waiting: list[int] = []
    for part in parts:
        if sum(rough_seconds(jobs[place]) for place in part) >= least_seconds:
            yield sorted(part)
            continue
        bound = min(_bound(jobs[place], most) for place in (*waiting, *part))
        if waiting and _networks([*waiting, *part], jobs) > bound:
            yield sorted(waiting)
            waiting = []
        waiting = [*waiting, *part]
        if sum(rough_seconds(jobs[place]) for place in waiting) >= least_seconds:
            yield sorted(waiting)
            waiting = []
    if waiting:
        yield sorted(waiting)
