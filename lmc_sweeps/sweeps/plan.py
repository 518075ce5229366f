"""`plan=true`: what a command would do; nothing is trained and nothing is written."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.devices import has_bfloat16_units, resolve_device
from lmc_sweeps.jobs.estimates import amount, estimate, memory_here
from lmc_sweeps.jobs.missing import forecast, is_complete
from lmc_sweeps.jobs.planned import PlannedNetwork, groups, planned_networks
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.stack_sizes import group_seconds, seconds_per_network_step, stack_size
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.sweeps.progress import about, computing, duration

Count = Callable[[Sequence[PreparedJob], Sequence[PlannedNetwork]], int]


def plan_text(
    jobs: Sequence[PreparedJob], folder: Path, more: Sequence[str] = (), alone: bool = False, count: Count = lambda jobs, networks: 1
) -> str:
    """Return the plan of a command: jobs, networks, those in the store, the time to train and measure, memory and disk space.

    The time is measured on a few steps of every group of networks, whose results are discarded. `more` are lines of the launcher,
    `count` says how many workers it takes for some jobs and networks; `folder` is that of the sweep or, of a job `alone`, its own.
    """
    folders = {job.run_id: folder if alone else folder / job.run_id for job in jobs}
    waiting = [job for job in jobs if not is_complete(job, folders[job.run_id])]
    needed = {network.name: network for job in jobs for network in planned_networks(job)}
    to_run = {network.name: network for job in waiting for network in planned_networks(job)}
    missing = [network for name, network in to_run.items() if not Store(network.settings.store).holds(name, network.curve_epochs)]
    steps = sum(network.steps for network in missing)
    lines = [
        f"{len(jobs)} job{'s' * (len(jobs) != 1)}, {len(jobs) - len(waiting)} of them finished, in {folder}",
        *_record_lines(jobs, folders),
        f"{len(needed)} networks, {len(missing)} of them to be trained: {steps:,} network-steps",
    ]
    seconds, stacks = 0.0, 0
    for group in groups(missing):
        size = stack_size(group)
        of_step = seconds_per_network_step(group[:size])
        of_group = group_seconds(group, of_step)
        first = group[0].settings
        lines.append(f"  width {first.width}, depth {first.depth}: {len(group)} networks in stacks of {size}, {about(duration(of_group))}")
        lines += _precision_lines(group[:size], of_step)
        seconds += of_group
        stacks += -(-len(group) // size) if first.training.stack is not None else len(group)
    needs = [estimate(job.settings, job.data) for job in waiting]
    disk = sum(4 * sum(tensor.numel() for tensor in network.template.values()) for network in missing)
    workers = max(1, min(count(waiting, missing), stacks))
    by = f" by {workers} workers" if workers > 1 else ""
    lines.append(f"training: {about(computing(seconds, workers))} here{by}, estimated from a few steps")
    measuring = sum(each.seconds_measuring for each in needs)
    lines.append(f"matching and measuring: {about(duration(measuring))} of one core, a rough estimate")
    if needs:
        side_by_side = max(1, min(count(waiting, missing), max(stacks, len(needs))))
        lines.append(f"all of it: {about(duration((seconds + measuring) / side_by_side))}")
    if needs:
        lines.append(
            f"memory: roughly {amount(max(each.bytes for each in needs))} for the largest job; this machine has {amount(memory_here())}"
        )
    records = sum(each.record for each in needs)
    store = waiting[0].settings.store if waiting else "the store"
    lines.append(f"disk: about {amount(disk)} of networks in {store}, {amount(records)} of records")
    lines += more
    lines.append("plan=true: nothing was trained, nothing was written.")
    return "\n".join(lines)


def _precision_lines(networks: Sequence[PlannedNetwork], of_step: float) -> list[str]:
    """Return how long a step takes in the other precision: bfloat16 where the device has units for it, float32 where it lacks them."""
    settings = networks[0].settings
    now, is_fast = settings.precision, has_bfloat16_units(resolve_device(settings.device))
    if (now == "float32") != is_fast or now == "tf32" or of_step == 0:
        return []
    other = "bfloat16" if is_fast else "float32"
    changed = [replace(network, job=replace(network.job, settings=replace(settings, precision=other))) for network in networks]
    try:
        share = seconds_per_network_step(changed) / of_step
    except InputError:  # networks whose products are float32's alone
        return []
    return [f"    precision={other} would take {share:.2f} times as long, measured in as many steps"]


def _record_lines(jobs: Sequence[PreparedJob], folders: Mapping[str, Path]) -> list[str]:
    """Return what happens to jobs whose records have lines of other points, or cannot be extended."""
    forecasts = [(job.settings.points, forecast(job, folders[job.run_id])) for job in jobs]
    lines = []
    changes = Counter((points, forecast.points) for points, forecast in forecasts if forecast.points is not None)
    for (requested, recorded), count in changes.items():
        if recorded < requested:
            lines.append(f"  {count} jobs have lines of {recorded} points: all their methods are measured again, with {requested} points")
        else:
            lines.append(
                f"  {count} jobs have lines of {recorded} points and keep them: new methods are measured with {recorded}, not {requested}"
            )
    obstacles = [forecast.obstacle for _, forecast in forecasts if forecast.obstacle is not None]
    return lines + ([f"  {len(obstacles)} jobs cannot run: {obstacles[0]}"] if obstacles else [])
