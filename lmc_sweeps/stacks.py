"""Which networks are trained together, and how: groups of one shape, stacks of the size that pays, kept and gone on with after a kill."""

import itertools
import logging
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from lmc_sweeps.checkpoints import PartialNetwork, Store, StoredNetwork
from lmc_sweeps.datasets.base import Data, Split
from lmc_sweeps.evaluation import evaluate
from lmc_sweeps.interruption import Interruption
from lmc_sweeps.models.base import Architecture, stacked, unstack
from lmc_sweeps.models.padding import pad, pad_axes, unpad
from lmc_sweeps.seeding import generator
from lmc_sweeps.settings import JobSettings, network_identity, network_name, resolve_device
from lmc_sweeps.time_limit import time_limit
from lmc_sweeps.training import Recipe, StackState, initial_state, train

log = logging.getLogger(__name__)
PARAMETERS = "parameters"
SLOWEST_GAIN = 0.97  # a larger stack must train a network in less than this share of the time
PROBE_STEPS, WARM_UP_STEPS = 7, 3
TRIED = 4  # networks in the stack of an estimate
Progress = Callable[[int], None]  # told how many network-steps more are done


@dataclass(frozen=True)
class Task:
    """A network to train: number `number` of a job."""

    settings: JobSettings
    data: Data
    fingerprint: str
    number: int

    @cached_property
    def name(self) -> str:
        """The network's name in the store."""
        return network_name(self.settings, self.fingerprint, self.number)

    @property
    def steps(self) -> int:
        """The steps of its training."""
        return self.settings.training.steps(len(self.data.train))

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""
        s = self.settings
        number = 0 if s.training.data_order == "shared" else self.number
        return Recipe(seed=s.seed, number=number, optimizer=s.optimizer, training=s.training)

    @property
    def architecture(self) -> Architecture:
        """Its mathematics."""
        return self.settings.model.architecture(*self._shape)

    @property
    def _shape(self) -> tuple[int, int, int, int]:
        return self.data.n_inputs, self.settings.width, self.settings.depth, self.data.n_classes

    @property
    def training_architecture(self) -> Architecture:
        """The same, with the products of the precision in which it is trained."""
        return self.architecture.with_products_in(torch.bfloat16) if self.settings.precision == "bfloat16" else self.architecture

    def initial(self) -> dict[str, torch.Tensor]:
        """Return its parameters before the first step."""
        rng = generator(self.settings.seed, "network", self.number, "initialisation")
        return self.settings.model.initial(*self._shape, rng)

    def kind(self) -> tuple[Any, ...]:
        """Return everything that fixes the shape of the computation: tasks of one kind can share a stack."""
        s = self.settings
        fixed = (self.fingerprint, s.model, s.width, s.depth, s.precision, s.device, s.training.stack, s.training.stack_gib)
        return (*fixed, self.steps, s.training.batch_size, s.optimizer.buffers)


Started = tuple[Task, PartialNetwork | None]  # with what an earlier run left of it


def tasks_of(settings: JobSettings, data: Data, fingerprint: str) -> list[Task]:
    """Return the networks of a job."""
    return [Task(settings, data, fingerprint, number) for number in range(settings.networks)]


def train_all(tasks: Sequence[Task], store: Store, progress: Progress) -> Iterator[dict[str, StoredNetwork]]:
    """Train every network once, in stacks, and yield the trained networks of each stack, by name, when they are kept."""
    for group in groups(tasks):
        for stack in stacks_of(group, store):
            yield from train_stack(stack, store, progress)


def groups(tasks: Sequence[Task]) -> list[list[Task]]:
    """Return the tasks by kind, each network once, in the order in which they were asked for."""
    found: dict[tuple[Any, ...], dict[str, Task]] = {}
    for task in tasks:
        found.setdefault(task.kind(), {}).setdefault(task.name, task)
    return [list(group.values()) for group in found.values()]


def stacks_of(group: Sequence[Task], store: Store) -> Iterator[list[Started]]:
    """Yield the stacks in which the networks of a group are best trained, all of about one size, in the order of the jobs.

    Networks that an earlier run left half trained go on from there; those at one step share a stack.
    """
    places: dict[int, list[Started]] = {}
    for task in group:
        partial = store.find_partial(task.name)
        places.setdefault(0 if partial is None else partial.step, []).append((task, partial))
    for place in sorted(places, reverse=True):
        waiting = places[place]
        count = math.ceil(len(waiting) / stack_size([task for task, _ in waiting]))
        for k in range(count):
            yield waiting[k * len(waiting) // count : (k + 1) * len(waiting) // count]


def train_stack(stack: Sequence[Started], store: Store, progress: Progress) -> Iterator[dict[str, StoredNetwork]]:
    """Train a stack and yield its networks by name; if it runs out of memory, its halves.

    An interruption waits for the end of a step, after which the stack is kept.
    """
    first = stack[0][0].settings
    what = f"a step of training {len(stack)} networks of width {first.width}"
    try:
        with Interruption() as interruption, time_limit(first.time_limit, what) as progressed:

            def note(network_steps: int) -> None:
                progressed()
                progress(network_steps)

            trained = _train_stack(stack, store, note, interruption)
        yield trained
    except (MemoryError, RuntimeError) as error:
        if len(stack) == 1 or not _is_out_of_memory(error):
            raise
        log.warning("a stack of %d networks ran out of memory; its halves are trained one after the other.", len(stack))
        half = len(stack) // 2
        yield from train_stack(stack[:half], store, progress)
        yield from train_stack(stack[half:], store, progress)


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _train_stack(waiting: Sequence[Started], store: Store, progress: Progress, interruption: Interruption) -> dict[str, StoredNetwork]:
    tasks = [task for task, _ in waiting]
    first = tasks[0]
    device = resolve_device(first.settings.device)
    architecture, split = first.architecture, padded_split(first.data.train, device)
    start = time.perf_counter()
    state, facts, seconds = _begin(waiting, architecture, split, device)
    keeper = _Keeper(tasks, facts, seconds, store, progress, interruption)
    with _tf32(first.settings.precision):
        state = train(first.training_architecture, state, [task.recipe for task in tasks], split, keeper)
    after = evaluate(architecture, state.parameters, split)
    spent = (time.perf_counter() - start) / len(tasks)
    shapes = {name: tensor.shape for name, tensor in first.initial().items()}
    trained = {}
    for k, task in enumerate(tasks):
        parameters = unpad(unstack(state.parameters, k), shapes)
        found = facts[k] | {"loss_final": float(after.loss[k])}
        # Looked for at the end only: a weight that is not finite never becomes finite again.
        found["finite"] = all(map(math.isfinite, found.values())) and all(bool(p.isfinite().all()) for p in parameters.values())
        network = StoredNetwork(parameters, found, seconds[k] + spent)
        store.save(task.name, network_identity(task.settings, task.fingerprint, task.number), network)
        trained[task.name] = network
    log.info("trained %d networks in %.1f s: training loss %s", len(tasks), spent * len(tasks), ", ".join(f"{x:.4f}" for x in after.loss))
    return trained


@contextmanager
def _tf32(precision: str) -> Iterator[None]:
    """Allow CUDA's products to use TensorFloat-32 for a while, if that is the precision; it is a switch of the whole process."""
    if precision != "tf32":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def padded_split(split: Split, device: torch.device) -> Split:
    """Return a split on a device, with the inputs filled up as the networks' are."""
    return Split(pad_axes(split.inputs, [1]), split.labels).to(device)


def _begin(
    waiting: Sequence[Started], architecture: Architecture, split: Split, device: torch.device
) -> tuple[StackState, list[dict[str, Any]], list[float]]:
    """Return a stack at its first step, or where it was left, with the facts and seconds of each network."""
    partials = [partial for _, partial in waiting]
    if None not in partials:
        kept = [partial for partial in partials if partial is not None]
        kinds = {
            kind: {name: tensor.to(device) for name, tensor in stacked([partial.tensors[kind] for partial in kept]).items()}
            for kind in kept[0].tensors
        }
        log.info("going on with %d networks at step %d", len(kept), kept[0].step)
        state = StackState(parameters=kinds.pop(PARAMETERS), buffers=kinds, step=kept[0].step)
        return state, [partial.facts for partial in kept], [partial.seconds for partial in kept]
    drawn = stacked([pad(task.initial()) for task, _ in waiting])
    initial = {name: tensor.to(device) for name, tensor in drawn.items()}
    before = evaluate(architecture, initial, split)
    facts = [{"loss_initial": float(loss)} for loss in before.loss]
    return initial_state(waiting[0][0].settings.optimizer, initial), facts, [0.0] * len(waiting)


class _Keeper:
    """Looks at a stack after every step: tells the progress, keeps the networks every so many seconds, and before an interruption."""

    def __init__(
        self,
        tasks: Sequence[Task],
        facts: list[dict[str, Any]],
        seconds: list[float],
        store: Store,
        progress: Progress,
        interruption: Interruption,
    ) -> None:
        self._tasks, self._facts, self._seconds, self._store, self._progress = tasks, facts, seconds, store, progress
        self._interruption = interruption
        self._start = self._kept = time.monotonic()
        self._every = tasks[0].settings.training.checkpoint_seconds

    def __call__(self, state: StackState) -> None:
        self._progress(len(self._tasks))
        now = time.monotonic()
        due = now - self._kept >= self._every or self._interruption.asked
        if due and state.step < self._tasks[0].steps:
            self._keep(state, now)
            if self._interruption.asked:
                self._interruption.happen()

    def _keep(self, state: StackState, now: float) -> None:
        spent = (now - self._start) / len(self._tasks)
        for k, task in enumerate(self._tasks):
            kinds = {PARAMETERS: unstack(state.parameters, k)}
            kinds |= {kind: unstack(tensors, k) for kind, tensors in state.buffers.items()}
            self._store.save_partial(task.name, PartialNetwork(kinds, self._facts[k], state.step, self._seconds[k] + spent))
        log.info("kept %d networks at step %d of %d", len(self._tasks), state.step, self._tasks[0].steps)
        self._kept = time.monotonic()


def stack_size(group: Sequence[Task]) -> int:
    """Return how many networks of a group are best trained at once on this machine: measured, within the bounds that were set.

    Sizes 1, 2, 4, ... are tried for a few steps each, until a larger one no longer trains a network in less time, or does not fit.
    """
    first = group[0]
    best, fastest, size = 1, math.inf, 1
    try:
        most = min(len(group), most_in_memory(first))
        if first.settings.training.stack is not None:
            return min(most, first.settings.training.stack)
        if most == 1 or first.steps < 10 * (PROBE_STEPS + WARM_UP_STEPS):
            return most
        while size <= 4 * best:  # two sizes in a row without a gain end the search
            seconds = seconds_per_network_step(group[:size])
            if seconds < fastest * SLOWEST_GAIN:
                best, fastest = size, min(seconds, fastest)
            if size == most:
                break
            size = min(2 * size, most)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
    log.info("stacks of %d networks of width %d: %.2f ms per network and step", best, first.settings.width, 1000 * fastest)
    return best


def training_seconds(tasks: Sequence[Task]) -> float:
    """Return about how long the training of tasks takes here, from a few steps of a small stack of every group."""
    return sum(seconds_per_network_step(group[:TRIED]) * sum(task.steps for task in group) for group in groups(tasks))


def most_in_memory(task: Task) -> int:
    """Return how many networks fit in the memory of a stack: weights, gradients, optimizer buffers, and a batch's activations."""
    weights = sum(tensor.numel() for tensor in pad(task.initial()).values())
    neurons = task.data.n_inputs + task.settings.width * task.settings.depth + task.data.n_classes
    values = 6 * weights + 4 * task.settings.training.batch_size * neurons
    return max(1, int(_memory_for_stacks(task.settings) / (4 * values)))


def _memory_for_stacks(settings: JobSettings) -> float:
    """Return the bytes that a stack may take: those that were set, else 2 GiB, or most of what is free on a CUDA device."""
    if settings.training.stack_gib is not None:
        return settings.training.stack_gib * 2**30
    device = resolve_device(settings.device)
    if device.type != "cuda":
        return 2.0 * 2**30
    torch.cuda.empty_cache()  # what earlier stacks have left in torch's own keeping is free as well
    return 0.7 * torch.cuda.mem_get_info(device)[0]


def seconds_per_network_step(tasks: Sequence[Task]) -> float:
    """Return how long a step takes for each network of a stack, measured on this machine; nothing of it is kept.

    The first steps do not count, unless there are no more; without a step it is 0.
    """
    device = resolve_device(tasks[0].settings.device)
    architecture, split = tasks[0].training_architecture, padded_split(tasks[0].data.train, device)
    initial = {name: tensor.to(device) for name, tensor in stacked([pad(task.initial()) for task in tasks]).items()}
    moments = [time.perf_counter()]

    def note(state: StackState) -> None:
        progressed()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        moments.append(time.perf_counter())

    limit, what = tasks[0].settings.time_limit, f"a trial step of training {len(tasks)} networks of width {tasks[0].settings.width}"
    with _tf32(tasks[0].settings.precision), time_limit(limit, what) as progressed:
        state = initial_state(tasks[0].settings.optimizer, initial)
        train(architecture, state, [task.recipe for task in tasks], split, note, WARM_UP_STEPS + PROBE_STEPS)
    steps = [after - before for before, after in itertools.pairwise(moments)]
    return statistics.median(steps[WARM_UP_STEPS - 1 :] or steps or [0.0]) / len(tasks)
