"""Training networks in stacks: of one shape, of the size that pays, kept and gone on with after a kill, split where memory ends."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch

from lmc_sweeps.common.devices import is_out_of_memory, resolve_device
from lmc_sweeps.common.interruption import Interruption
from lmc_sweeps.common.tensor_files import check_like
from lmc_sweeps.common.time_limit import time_limit
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.jobs.network_files import Facts, PartialNetwork, StoredNetwork, has_epochs
from lmc_sweeps.jobs.planned import PlannedNetwork, groups, padded_split, padded_stack, products_of, training_split
from lmc_sweeps.jobs.stack_sizes import stack_size
from lmc_sweeps.jobs.store import Store
from lmc_sweeps.jobs.training_curves import StackCurves
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.models.base import Architecture, stacked, unstack
from lmc_sweeps.training.loop import StackState, initial_state, train

log = logging.getLogger(__name__)
PARAMETERS = "parameters"
Progress = Callable[[int], None]  # called with the number of network-steps that are done since
Started = tuple[PlannedNetwork, PartialNetwork | None]  # with what an earlier run left of it


def train_all(networks: Sequence[PlannedNetwork], store: Store, progress: Progress) -> Iterator[dict[str, StoredNetwork]]:
    """Train every network once, in stacks, and yield the trained networks of each stack, by name, when they are kept."""
    for group in groups(networks):
        for stack in stacks_of(group, store):
            yield from train_stack(stack, store, progress)


def stacks_of(group: Sequence[PlannedNetwork], store: Store) -> Iterator[list[Started]]:
    """Yield the stacks in which one worker trains the networks of a group best, all of about one size, in the order of the jobs."""
    report_curves(group, store)
    for waiting in begun(group, store):
        count = math.ceil(len(waiting) / stack_size([network for network, _ in waiting]))
        for k in range(count):
            yield waiting[k * len(waiting) // count : (k + 1) * len(waiting) // count]


def begun(group: Sequence[PlannedNetwork], store: Store) -> list[list[Started]]:
    """Return the networks of a group with what an earlier run left of them: those at one step together, which share a stack."""
    by_step: dict[int, list[Started]] = {}
    for network in group:
        partial = _fitting(network, store.find_partial(network.name))
        by_step.setdefault(0 if partial is None else partial.step, []).append((network, partial))
    return [by_step[step] for step in sorted(by_step, reverse=True)]


def report_curves(group: Sequence[PlannedNetwork], store: Store) -> None:
    """Say in the log how many networks are trained again for their training curves alone."""
    n_curves = sum(store.holds(each.name) and not store.holds(each.name, each.curve_epochs) for each in group)
    if n_curves:
        log.info("%d networks of the store lack the training curve asked for; they are trained again, and stay as they are.", n_curves)


def _fitting(network: PlannedNetwork, partial: PartialNetwork | None) -> PartialNetwork | None:
    """Return what an earlier run left of a network, if it has the tensors and the step that the training of today goes on from.

    Of its training curve, the points stay that are asked for today.
    """
    if partial is None:
        return None
    drawn = network.architecture.padded(network.initial())
    kinds = {PARAMETERS, *network.settings.optimizer.buffers}
    try:
        if set(partial.tensors) != kinds or not 0 < partial.step < network.steps:
            raise ValueError(f"it holds {', '.join(sorted(partial.tensors))} at step {partial.step} of {network.steps}")
        trained = {name: tensor for name, tensor in drawn.items() if name not in network.statistics}
        for kind, tensors in partial.tensors.items():
            check_like(tensors, drawn if kind == PARAMETERS else trained)
        steps = network.settings.training.steps_per_epoch(len(network.data.train))
        begun = [epoch for epoch in network.curve_epochs if epoch * steps <= partial.step]
        if not has_epochs(partial.curve, begun):
            raise ValueError("it lacks points of the training curve that is asked for")
    except ValueError as error:
        log.warning("the half-trained network %s does not fit (%s); it is trained from the start.", network.name, error)
        return None
    in_order = {kind: {name: tensors[name] for name in drawn if name in tensors} for kind, tensors in partial.tensors.items()}
    return replace(partial, tensors=in_order, curve=tuple(point for point in partial.curve if point.epoch in begun))


def train_stack(stack: Sequence[Started], store: Store, progress: Progress) -> Iterator[dict[str, StoredNetwork]]:
    """Train a stack and yield its networks by name; if it runs out of memory, its halves.

    An interruption waits for the end of a step, after which the stack is kept.
    """
    first = stack[0][0].settings
    label = f"a step of training {len(stack)} networks of width {first.width}"
    try:
        with Interruption() as interruption, time_limit(first.time_limit, label) as progressed:

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
    networks = [network for network, _ in waiting]
    first = networks[0]
    device = resolve_device(first.settings.device)
    architecture = first.architecture
    split = padded_split(architecture, first.data.train, device)
    start = time.perf_counter()
    state, losses, seconds = _begin(waiting, architecture, split, device)
    curves = StackCurves(networks, split, [() if partial is None else partial.curve for _, partial in waiting])
    if state.step == 0:
        curves.measure(state.parameters, 0)
    keeper = _Keeper(networks, losses, seconds, curves, store, progress, interruption)
    with products_of(first.settings.precision):
        recipes = [network.recipe for network in networks]
        state = train(first.training_architecture, state, recipes, training_split(first, split), keeper)
    after = evaluate(architecture, state.parameters, split)
    spent = (time.perf_counter() - start - curves.seconds) / len(networks)
    shapes = {name: tensor.shape for name, tensor in first.template.items()}
    trained = {}
    for k, network in enumerate(networks):
        parameters = architecture.unpadded(unstack(state.parameters, k), shapes)
        # Looked for at the end only: a weight that is not finite never becomes finite again.
        is_finite = all(bool(tensor.isfinite().all()) for tensor in parameters.values())
        is_finite &= math.isfinite(losses[k]) and math.isfinite(after.loss[k])
        facts = Facts(loss_initial=losses[k], loss_final=float(after.loss[k]), finite=is_finite)
        trained[network.name] = StoredNetwork(parameters, facts, seconds[k] + spent, curves.curve(k))
        store.save(network.name, network.identity, trained[network.name])
    final = ", ".join(f"{loss:.4f}" for loss in after.loss)
    log.info("trained %d networks in %.1f s: training loss %s", len(networks), spent * len(networks), final)
    return trained


def _begin(
    waiting: Sequence[Started], architecture: Architecture, split: Split, device: torch.device
) -> tuple[StackState, list[float], list[float]]:
    """Return a stack at its first step, or where it was left, with the initial loss and the seconds of each network."""
    partials = [partial for _, partial in waiting if partial is not None]
    if len(partials) == len(waiting):
        kinds = {
            kind: {name: tensor.to(device) for name, tensor in stacked([partial.tensors[kind] for partial in partials]).items()}
            for kind in partials[0].tensors
        }
        log.info("going on with %d networks at step %d", len(partials), partials[0].step)
        state = StackState(parameters=kinds.pop(PARAMETERS), buffers=kinds, step=partials[0].step)
        return state, [partial.loss_initial for partial in partials], [partial.seconds for partial in partials]
    initial = {name: tensor.to(device) for name, tensor in padded_stack([network for network, _ in waiting]).items()}
    losses = [float(loss) for loss in evaluate(architecture, initial, split).loss]
    first = waiting[0][0]
    return initial_state(first.settings.optimizer, initial, first.statistics), losses, [0.0] * len(waiting)


class _Keeper:
    """Looks at a stack after every step: reports the progress, adds to training curves, keeps the networks now and then.

    They are kept every so many seconds, and before an interruption.
    """

    def __init__(
        self,
        networks: Sequence[PlannedNetwork],
        losses: Sequence[float],
        seconds: list[float],
        curves: StackCurves,
        store: Store,
        progress: Progress,
        interruption: Interruption,
    ) -> None:
        self._networks, self._losses, self._seconds, self._store, self._progress = networks, losses, seconds, store, progress
        self._curves, self._seconds_before = curves, curves.seconds
        self._interruption = interruption
        self._start = self._last = time.monotonic()
        self._every = networks[0].settings.training.checkpoint_seconds

    def __call__(self, state: StackState) -> None:
        self._progress(len(self._networks))
        self._curves.measure(state.parameters, state.step)
        now = time.monotonic()
        due = now - self._last >= self._every or self._interruption.is_pending
        if due and state.step < self._networks[0].steps:
            self._keep(state, now)
            if self._interruption.is_pending:
                self._interruption.happen()

    def _keep(self, state: StackState, now: float) -> None:
        spent = (now - self._start - self._curves.seconds + self._seconds_before) / len(self._networks)
        for k, network in enumerate(self._networks):
            kinds = {PARAMETERS: unstack(state.parameters, k)}
            kinds |= {kind: unstack(tensors, k) for kind, tensors in state.buffers.items()}
            partial = PartialNetwork(kinds, self._losses[k], state.step, self._seconds[k] + spent, self._curves.curve(k))
            self._store.save_partial(network.name, network.identity, partial)
        log.info("kept %d networks at step %d of %d", len(self._networks), state.step, self._networks[0].steps)
        self._last = time.monotonic()
