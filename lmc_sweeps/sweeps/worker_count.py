"""How many workers a sweep takes: as many as there are cores, no more than there is work or memory for."""

from collections.abc import Sequence
from typing import Any

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.devices import resolve_device
from lmc_sweeps.common.workers import START
from lmc_sweeps.jobs.estimates import estimate, memory_here
from lmc_sweeps.jobs.planned import PlannedNetwork
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.stack_sizes import largest_stack
from multirun_analysis.common.side_by_side import cores

AUTO = "auto"
KEY = "hydra.launcher.workers"
SHARE = 0.8  # of the memory, that the workers together may take
OF_PROCESS = 150e6  # bytes of a worker that computes nothing


def checked_count(value: Any) -> int | None:
    """Return the number of workers that was asked for, None for as many as are best here.

    Raises
    ------
    InputError
        If it is neither.
    """
    if value == AUTO:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"`{KEY}` must be auto or a positive integer, got {value!r}.")
    return value


def workers_for(value: Any, jobs: Sequence[PreparedJob], missing: Sequence[PlannedNetwork], memory: float | None = None) -> int:
    """Return how many workers do the jobs of a sweep within so many bytes, by default this machine's; one where a GPU computes."""
    if any(resolve_device(job.settings.device).type != "cpu" for job in jobs):
        return 1
    count = checked_count(value)
    if count is None and START != "fork":
        return 1  # what is spawned imports the user's script again, which may not be made for that
    if count is None:
        count = min(cores(InputError), in_memory(jobs, missing, memory_here() if memory is None else memory))
    return max(1, min(count, max(len(jobs), len(missing))))


def in_memory(jobs: Sequence[PreparedJob], missing: Sequence[PlannedNetwork], memory: float) -> int:
    """Return how many workers fit in so many bytes, each with itself, its copies of the data, and the largest job or the largest stack."""
    largest = max((estimate(job.settings, job.data).bytes for job in jobs), default=0)
    data = max((split.inputs.nbytes for job in jobs for split in (job.data.train, job.data.test)), default=0)
    return max(1, int(SHARE * memory / (OF_PROCESS + 2 * data + max(largest, largest_stack(missing)))))
