"""`plan=true`: what a command would do, said before it is done; nothing is trained and nothing is written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from lmc_sweeps.jobs.estimates import amount, estimate, memory_here
from lmc_sweeps.jobs.missing import forecast, is_complete
from lmc_sweeps.jobs.planned import PlannedNetwork, groups, planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.stack_sizes import seconds_per_network_step, stack_size
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.sweeps.progress import about, computing, duration


def plan_text(jobs: Sequence[PreparedJob], folder: Path, more: Sequence[str] = (), alone: bool = False) -> str:
    """Return jobs, networks, those already there, the time that training would take on this machine, and the disk that it would fill.

    The time comes from a few steps of every group of networks, trained here and thrown away. `more` are lines of the launcher's; `folder`
    is that of a sweep or, of a job `alone`, its own.
    """
    places = {job.run_id: folder if alone else folder / job.run_id for job in jobs}
    waiting = [job for job in jobs if not is_complete(job, places[job.run_id])]
    needed = {task.name: task for job in jobs for task in _tasks(job)}
    missing = {task.name: task for job in waiting for task in _tasks(job) if not Store(task.settings.store).holds(task.name)}
    lines = [
        f"{len(jobs)} jobs, of them {len(jobs) - len(waiting)} finished in {folder}",
        *_of_records(jobs, places),
        f"{len(needed)} networks, of them {len(missing)} to be trained, {sum(task.steps for task in missing.values()):,} network-steps",
    ]
    seconds = 0.0
    for group in groups(list(missing.values())):
        size = stack_size(group)
        of_group = seconds_per_network_step(group[:size]) * sum(task.steps for task in group)
        first = group[0].settings
        lines.append(f"  width {first.width}, depth {first.depth}: {len(group)} networks in stacks of {size}, {about(duration(of_group))}")
        seconds += of_group
    needs = [estimate(job.settings, job.data) for job in waiting]
    disk = sum(4 * sum(tensor.numel() for tensor in task.initial().values()) for task in missing.values())
    lines.append(f"training: {about(computing(seconds))} on this machine, from a few steps of each")
    lines.append(f"matching and measuring: {about(duration(sum(each.seconds_measuring for each in needs)))} of one core, by a rough count")
    if needs:
        lines.append(f"memory: roughly {amount(max(each.bytes for each in needs))} for the largest job; here are {amount(memory_here())}")
    records = sum(each.record for each in needs)
    place = waiting[0].settings.store if waiting else "the store"
    lines.append(f"disk: about {amount(disk)} of networks in {place}, {amount(records)} of records")
    lines += more
    lines.append("plan=true: nothing was trained, nothing was written.")
    return "\n".join(lines)


def _of_records(jobs: Sequence[PreparedJob], places: Mapping[str, Path]) -> list[str]:
    """Return what happens to jobs that have lines of other points already, or records that cannot be added to."""
    forecasts = [(job.settings.points, forecast(job, places[job.run_id])) for job in jobs]
    lines = []
    for (asked, there), count in Counter((asked, of.points) for asked, of in forecasts if of.points is not None).items():
        if there < asked:
            lines.append(f"  {count} jobs have lines of {there} points: all their methods are measured anew at {asked}")
        else:
            lines.append(
                f"  {count} jobs have lines of {there} points, which stay: methods new to them are measured at {there}, not at {asked}"
            )
    obstacles = [of.obstacle for _, of in forecasts if of.obstacle is not None]
    return lines + ([f"  {len(obstacles)} jobs cannot run: {obstacles[0]}"] if obstacles else [])


def _tasks(job: PreparedJob) -> list[PlannedNetwork]:
    return planned_networks(job)
