"""What a job takes, counted from its settings before anything is begun: memory, time, and the room that its record needs.

What depends on the network is counted by its architecture.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import Data
from lmc_sweeps.jobs.planned import counts
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.settings import JobSettings
from lmc_sweeps.measuring.pairs import with_identity, with_none

SECONDS_PER_STEP = 1e-4  # of one network, whatever its size
SECONDS_PER_VALUE = 1e-8  # of an activation along the line: what is done beside the products
SECONDS_PER_COST = 1.5e-6  # of a cost between two neurons: the transport, spectra and norms
OPERATIONS_PER_SECOND = 2e10  # of one core, in float32
BATCH = 2000  # examples at a time, along the line labels, as in pairs.py
MATRICES = 9  # of width x width in float64, that measuring holds at once beside the moments (measured at width 2,048: 8)
BYTES_PER_POINT = 60  # of a record: t, loss and error in JSON
BYTES_PER_EPOCH = 150  # of a record: a point of a training curve on one split
BYTES_PER_ROW = 1500  # of a record: what stands there once per pair, method and split
YEAR = 365.25 * 86_400  # seconds
LONGEST = 10 * YEAR  # of one core
MEMORY = "LMC_SWEEPS_MEMORY_GB"
KEYS = {  # of which most of the memory comes
    "the networks themselves": ("width", "depth", "networks"),
    "training a network": ("width", "depth"),
    "the learning rates of all steps": ("training.epochs",),
    "the moments of the activations": ("width", "depth"),
    "the costs between neurons": ("width",),
    "the networks of a pair": ("width", "depth"),
    "the outputs along the line": ("points",),
    "the record": ("networks", "points"),
}


@dataclass(frozen=True)
class Estimate:
    """What a job takes: bytes of memory by what for, bytes of its record, and seconds of one core."""

    memory: dict[str, int]
    record: int
    seconds_training: float
    seconds_measuring: float

    @property
    def bytes(self) -> int:
        """Memory in all."""
        return sum(self.memory.values())


def estimate(settings: JobSettings, data: Data) -> Estimate:
    r"""Return about what a job takes.

    .. math:: t = n \left[ S \left(t_0 + \frac{3 F B}{R}\right) + C N \left(\frac{F}{R} + t_1 h\right) \right]
              + P \left[ \frac{(F - F_1) N K M + 2 F_1 N}{R}
              + \frac{F L K M}{R} + t_1 (h - d) N K M + \sum_g m_g^2 \left(t_2 + \frac{6 N'}{R}\right) \right]

    with n networks of F operations per example, of which those of :math:`F_1` at both ends of a line serve every t, groups of
    :math:`m_g` neurons, and h activations of which d are inputs (`Counts`); S steps of B examples, N examples in both splits, N' of them
    for training, C points of a training curve, P pairs, K points of the line, M methods with the identity under each repair, which
    computes networks at every point on L examples (`Repair.forwards`), and the constants of this module. It tells small jobs from large
    ones, no more.
    """
    n, network = settings.networks, counts(settings.model, settings.shape(data))
    methods, pairs, repairs = with_identity(settings.matching), settings.n_pairs, len(with_none(settings.repair))
    needs = frozenset().union(*(method.needs for method in methods))
    squares = [size**2 for size in network.neurons.values()]  # of the matrices between the neurons of a group
    batch, steps = settings.training.batch_size, settings.training.steps(len(data.train))
    examples = len(data.train) + len(data.test)
    moments = 24 * sum(squares) + 16 * sum(columns**2 for columns in network.inputs.values())
    training = 4 * (2 + len(settings.optimizer.buffers)) * network.parameters + 8 * batch * network.activations
    measuring = (4 * 2 + (16 if "weights" in needs else 0)) * network.parameters + 8 * BATCH * network.activations
    memory = {
        "the networks themselves": 4 * n * network.parameters,
        "training a network": training,
        "the learning rates of all steps": 40 * steps,
        "the moments of the activations": moments if needs & {"moments", "cross_moments"} else 0,
        "the costs between neurons": 8 * MATRICES * max(squares, default=0) if len(methods) > 1 else 0,
        "the networks of a pair": measuring,
        "the outputs along the line": 3 * 4 * network.outputs * data.train.examples_at_once(BATCH) * len(methods) * settings.points,
        "the record": 3 * _record_bytes(settings.points, len(methods) * repairs, pairs),
    }
    line = repairs * len(methods) * settings.points * (examples if settings.splits == "both" else len(data.test))
    of_groups = sum(squares) * (SECONDS_PER_COST + 6 * len(data.train) / OPERATIONS_PER_SECOND) if len(methods) > 1 else 0.0
    ends = network.operations_at_ends
    products = ((network.operations - ends) * line + 2 * ends * examples) / OPERATIONS_PER_SECOND
    forwards = sum(repair.forwards(network.repair_passes, len(data.train)) for repair in settings.repair)
    products += network.operations * forwards * len(methods) * settings.points / OPERATIONS_PER_SECOND
    of_pair = products + SECONDS_PER_VALUE * line * (network.activations - data.n_inputs) + of_groups
    of_network = steps * (SECONDS_PER_STEP + 3 * network.operations * batch / OPERATIONS_PER_SECOND)
    of_network += seconds_of_curve(settings, data)
    record = _record_bytes(settings.points, len(methods) * repairs, pairs) + 2 * n * settings.training.points_of_curve() * BYTES_PER_EPOCH
    return Estimate(memory, record, n * of_network, pairs * of_pair)


def seconds_of_curve(settings: JobSettings, data: Data) -> float:
    """Return about how long measuring the training curve of one network takes."""
    network, examples = counts(settings.model, settings.shape(data)), len(data.train) + len(data.test)
    of_example = network.operations / OPERATIONS_PER_SECOND + SECONDS_PER_VALUE * network.activations
    return settings.training.points_of_curve() * examples * of_example


def check_all_fit(jobs: Sequence[PreparedJob], memory: float | None = None) -> None:
    """Raise `InputError` for the first of the jobs that cannot be done, as `check_fits` says."""
    for job in jobs:
        check_fits(job.settings, job.data, memory)


def check_fits(settings: JobSettings, data: Data, memory: float | None = None) -> None:
    """Raise `InputError` if a job cannot be done: it takes more than the memory, this machine's if not given, or many years.

    Raises
    ------
    InputError
        With the keys that it comes from, what most of the memory is for, and what there is.
    """
    needed, available = estimate(settings, data), memory_here() if memory is None else memory
    if needed.bytes > available:
        most = max(needed.memory, key=lambda name: needed.memory[name])
        raise checks.InputError(
            f"a job of {_named(settings, KEYS[most])} takes about {amount(needed.bytes)} of memory, most of it for {most}; there are "
            f"{amount(available)} (where that is wrong, {MEMORY} says how many GB)."
        )
    training, measuring = needed.seconds_training, needed.seconds_measuring
    if training + measuring > LONGEST:
        keys, most = (("training.epochs",), "training") if training > measuring else (("points",), "matching and measuring every pair")
        named = _named(settings, ("width", "depth", "networks", *keys))
        years = (training + measuring) / YEAR
        raise checks.InputError(f"a job of {named} takes about {years:,.0f} years of one core, most of it for {most}.")


def _named(settings: JobSettings, keys: Sequence[str]) -> str:
    values = {key: settings.training.epochs if key == "training.epochs" else getattr(settings, key) for key in keys}
    return ", ".join(f"`{key}` {value:,}" for key, value in values.items())


def memory_here() -> float:
    """Return the bytes of memory that a job may take: as the environment says, else those of this machine or of its container."""
    stated = os.environ.get(MEMORY)
    if stated:
        try:
            return 1e9 * checks.number(MEMORY, float(stated), above=0.0)
        except ValueError:
            raise checks.InputError(f"`{MEMORY}` must be a number of gigabytes, got {stated!r}.") from None
    limits = [float("inf")]
    if hasattr(os, "sysconf"):
        limits.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(float(Path(path).read_text()))
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    return min(limits)


def amount(size: float) -> str:
    """Return a size in bytes for people."""
    if size < 1e9:
        return f"{size / 1e6:,.1f} MB"
    return f"{size / 1e9:,.1f} GB" if size < 1e15 else f"{size / 1e9:.1e} GB"


def _record_bytes(points: int, methods: int, pairs: int) -> int:
    return 2 * pairs * methods * (BYTES_PER_POINT * points + BYTES_PER_ROW)
