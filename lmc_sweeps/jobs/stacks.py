"""Training tasks in stacks: of one shape, of the size that pays, kept and gone on with after a kill, split where memory ends."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from lmc_sweeps.common.devices import is_out_of_memory, resolve_device
from lmc_sweeps.common.interruption import Interruption
from lmc_sweeps.common.tensor_files import check_like
from lmc_sweeps.common.time_limit import time_limit
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.jobs.stack_sizes import stack_size
from lmc_sweeps.jobs.store import PartialNetwork, Store, StoredNetwork
from lmc_sweeps.jobs.tasks import Task, groups, padded_split, padded_stack, products_of
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.models.base import Architecture, stacked, unstack
from lmc_sweeps.training.loop import StackState, initial_state, train

log = logging.getLogger(__name__)
PARAMETERS = "parameters"
Progress = Callable[[int], None]  # told how many network-steps more are done
Started = tuple[Task, PartialNetwork | None]  # with what an earlier run left of it


def train_all(tasks: Sequence[Task], store: Store, progress: Progress) -> Iterator[dict[str, StoredNetwork]]:
    """Train every network once, in stacks, and yield the trained networks of each stack, by name, when they are kept."""
    for group in groups(tasks):
        for stack in stacks_of(group, store):
            yield from train_stack(stack, store, progress)


def stacks_of(group: Sequence[Task], store: Store) -> Iterator[list[Started]]:
    """Yield the stacks in which the networks of a group are best trained, all of about one size, in the order of the jobs.

    Networks that an earlier run left half trained go on from there; those at one step share a stack.
    """
    places: dict[int, list[Started]] = {}
    for task in group:
        partial = _fitting(task, store.find_partial(task.name))
        places.setdefault(0 if partial is None else partial.step, []).append((task, partial))
    for place in sorted(places, reverse=True):
        waiting = places[place]
        count = math.ceil(len(waiting) / stack_size([task for task, _ in waiting]))
        for k in range(count):
            yield waiting[k * len(waiting) // count : (k + 1) * len(waiting) // count]


def _fitting(task: Task, partial: PartialNetwork | None) -> PartialNetwork | None:
    """Return what an earlier run left of a network, if it has the tensors and the step that the training of today goes on from."""
    if partial is None:
        return None
    drawn = task.architecture.padded(task.initial())
    kinds = {PARAMETERS, *task.settings.optimizer.buffers}
    try:
        if set(partial.tensors) != kinds or not 0 < partial.step < task.steps:
            raise ValueError(f"it holds {', '.join(sorted(partial.tensors))} at step {partial.step} of {task.steps}")
        for tensors in partial.tensors.values():
            check_like(tensors, drawn)
    except ValueError as error:
        log.warning("the half-trained network %s does not fit (%s); it is trained from the start.", task.name, error)
        return None
    return replace(partial, tensors={kind: {name: tensors[name] for name in drawn} for kind, tensors in partial.tensors.items()})


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
        if len(stack) == 1 or not is_out_of_memory(error):
            raise
        log.warning("a stack of %d networks ran out of memory; its halves are trained one after the other.", len(stack))
        half = len(stack) // 2
        yield from train_stack(stack[:half], store, progress)
        yield from train_stack(stack[half:], store, progress)


def _train_stack(waiting: Sequence[Started], store: Store, progress: Progress, interruption: Interruption) -> dict[str, StoredNetwork]:
    tasks = [task for task, _ in waiting]
    first = tasks[0]
    device = resolve_device(first.settings.device)
    architecture = first.architecture
    split = padded_split(architecture, first.data.train, device)
    start = time.perf_counter()
    state, facts, seconds = _begin(waiting, architecture, split, device)
    keeper = _Keeper(tasks, facts, seconds, store, progress, interruption)
    with products_of(first.settings.precision):
        state = train(first.training_architecture, state, [task.recipe for task in tasks], split, keeper)
    after = evaluate(architecture, state.parameters, split)
    spent = (time.perf_counter() - start) / len(tasks)
    shapes = {name: tensor.shape for name, tensor in first.initial().items()}
    trained = {}
    for k, task in enumerate(tasks):
        parameters = architecture.unpadded(unstack(state.parameters, k), shapes)
        found = facts[k] | {"loss_final": float(after.loss[k])}
        # Looked for at the end only: a weight that is not finite never becomes finite again.
        found["finite"] = all(map(math.isfinite, found.values())) and all(bool(p.isfinite().all()) for p in parameters.values())
        network = StoredNetwork(parameters, found, seconds[k] + spent)
        store.save(task.name, task.identity, network)
        trained[task.name] = network
    log.info("trained %d networks in %.1f s: training loss %s", len(tasks), spent * len(tasks), ", ".join(f"{x:.4f}" for x in after.loss))
    return trained


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
    initial = {name: tensor.to(device) for name, tensor in padded_stack([task for task, _ in waiting]).items()}
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
            kept = PartialNetwork(kinds, self._facts[k], state.step, self._seconds[k] + spent)
            self._store.save_partial(task.name, task.identity, kept)
        log.info("kept %d networks at step %d of %d", len(self._tasks), state.step, self._tasks[0].steps)
        self._kept = time.monotonic()
