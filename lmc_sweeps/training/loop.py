"""Training of stacks: K networks of one shape, each with its own data order, in the same steps."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import NEVER
from lmc_sweeps.common.seeding import generator
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.models.criteria import softmax_gradient
from lmc_sweeps.training.flat import Flat
from lmc_sweeps.training.optimizers import Optimizer

CODE_VERSION = 2  # part of every run_id: raise it when training gives other bits
MOST_GATHERED = 2**18  # input values gathered at a time: 1 MiB, which stays near the cores
SCHEDULES = ("constant", "warmup_cosine")
DATA_ORDERS = ("own", "shared")


@dataclass(frozen=True, kw_only=True)
class Training:
    r"""The settings of a training recipe.

    `stack` is the most networks trained at once (null: as many as are measured to pay), `stack_gib` the most memory that they may take
    (null: 2 GiB, or most of what is free on a GPU), `checkpoint_seconds` the time after which a stack is kept, to go on from there after
    a kill.

    `data_order` is ``own``: every network of a job sees the training set in orders of its own; or ``shared``: all see it in those of
    network 0, so that they differ by their initialisation only.

    `schedule` is ``constant``, or ``warmup_cosine``: from `warmup_lr` linearly to the peak :math:`\eta` in `warmup_steps` w, then along a
    cosine that would reach 0 at step S, after the last of S steps,

    .. math:: \eta_s = \eta_0 + (\eta - \eta_0)\, s / w \;\; (s < w), \qquad
              \eta_s = \tfrac{\eta}{2} \left(1 + \cos \pi \tfrac{s - w}{S - w}\right) \;\; (s \ge w)

    References
    ----------
    `warmup_cosine`: optax's schedule with the numbers of Ferbach et al. 2024's notebook.
    """

    epochs: int = 20
    batch_size: int = 64
    schedule: str = "constant"
    warmup_steps: int = 10
    warmup_lr: float = 1e-6
    data_order: str = "own"
    # How the work is done, which touches no bit of what comes out: not part of a network's name.
    stack: int | None = field(default=None, metadata=NEVER)
    stack_gib: float | None = field(default=None, metadata=NEVER)
    checkpoint_seconds: float = field(default=60.0, metadata=NEVER)

    def __post_init__(self) -> None:
        checks.integer("training.epochs", self.epochs, least=0)
        checks.integer("training.batch_size", self.batch_size)
        checks.one_of("training.schedule", self.schedule, SCHEDULES)
        checks.one_of("training.data_order", self.data_order, DATA_ORDERS)
        checks.integer("training.warmup_steps", self.warmup_steps, least=0)
        object.__setattr__(self, "warmup_lr", checks.number("training.warmup_lr", self.warmup_lr, least=0.0))
        if self.stack is not None:
            checks.integer("training.stack", self.stack)
        if self.stack_gib is not None:
            object.__setattr__(self, "stack_gib", checks.number("training.stack_gib", self.stack_gib, above=0.0))
        object.__setattr__(self, "checkpoint_seconds", checks.number("training.checkpoint_seconds", self.checkpoint_seconds, least=0.0))

    def steps(self, examples: int) -> int:
        """Return the number of steps on a training set of that size; the last batch of an epoch may be short."""
        return self.epochs * math.ceil(examples / self.batch_size)

    def learning_rates(self, peak: float, steps: int) -> np.ndarray:
        """Return the learning rate of every step, shape (steps,)."""
        if self.schedule == "constant":
            return np.full(steps, peak)
        s, w = np.arange(steps, dtype=np.float64), self.warmup_steps
        warm = self.warmup_lr + (peak - self.warmup_lr) * s / max(w, 1)
        return np.where(s < w, warm, 0.5 * peak * (1 + np.cos(np.pi * (s - w) / max(steps - w, 1))))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one network of a stack is trained: in whose data order (network `number` of `seed`), and with which settings."""

    seed: int
    number: int
    optimizer: Optimizer
    training: Training


@dataclass(kw_only=True)
class StackState:
    """A stack at some step of its training: all that is needed to go on from there, bit for bit.

    `buffers` are the optimizer's, by kind and parameter. Data orders are drawn again from (seed, number), up to the epoch of the
    step, so no generator has a state to keep.
    """

    parameters: dict[str, Tensor]
    buffers: dict[str, dict[str, Tensor]]
    step: int


def initial_state(optimizer: Optimizer, parameters: Mapping[str, Tensor]) -> StackState:
    """Return the state of a stack before its first step."""
    zeros = {kind: {name: torch.zeros_like(tensor) for name, tensor in parameters.items()} for kind in optimizer.buffers}
    return StackState(parameters=dict(parameters), buffers=zeros, step=0)


def data_orders(seed: int, network: int, examples: int) -> Iterator[np.ndarray]:
    """Yield the order in which a network sees the training set in epoch 0, 1, ..., permutations of (examples,)."""
    rng = generator(seed, "network", network, "data_order")
    while True:
        yield rng.permutation(examples)


@one_thread()
@torch.no_grad()
def train(
    architecture: Architecture,
    start: StackState,
    recipes: Sequence[Recipe],
    split: Split,
    after_step: Callable[[StackState], None] = lambda state: None,
    steps: int | None = None,
) -> StackState:
    r"""Train K networks at once, from where `start` stands to the end.

    .. math:: L_k = \tfrac1B \sum_{i \in \text{batch}_k} -\log p_{\theta_k}(y_i | x_i), \qquad
              \theta_k \leftarrow \text{update}(\theta_k, \nabla_{\theta_k} L_k, \eta_k)

    Parameters
    ----------
    architecture : Architecture
    start : StackState
        Not changed.
    recipes : sequence of Recipe, length K
        With equal epochs, batch sizes and optimizer buffers.
    split : Split
        The training set, on the device of the stack.
    after_step : callable
        Shown the state after every step; its tensors go on changing, so what is kept must be copied.
    steps : int, optional
        Stop after so many more steps; at the end of the last epoch if not given.

    Returns
    -------
    StackState
    """
    training = recipes[0].training
    total = training.steps(len(split))
    last = total if steps is None else min(total, start.step + steps)
    parameters, gradients = Flat.copied(start.parameters), Flat(start.parameters)
    buffers = {kind: Flat.copied(tensors) for kind, tensors in start.buffers.items()}
    state = StackState(parameters=parameters.views, buffers={kind: flat.views for kind, flat in buffers.items()}, step=start.step)
    updates = [_Update(recipe, networks, parameters, gradients, buffers, total) for recipe, networks in _sharing(recipes)]
    n_classes = architecture.forward(start.parameters, split.inputs[:1]).shape[-1]
    units = F.one_hot(split.labels, n_classes).to(split.inputs.dtype)
    for inputs, targets in _batches(recipes, training, (split.inputs, units), start.step, last):
        architecture.gradients(state.parameters, inputs, partial(loss_gradient, targets=targets), gradients.views)
        for update in updates:
            update(state.step)
        state.step += 1
        after_step(state)
    return state


def loss_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Return the gradient of each network's mean cross-entropy with respect to its logits.

    .. math:: \partial L_k / \partial z_{ki} = \tfrac1B \left(\text{softmax}(z_{ki}) - e_{y_i}\right)

    Both arguments have shape (K, B, classes); `targets` holds the unit vectors :math:`e_{y_i}`.
    """
    return softmax_gradient(logits, targets, targets.shape[1])


def _sharing(recipes: Sequence[Recipe]) -> list[tuple[Recipe, list[int]]]:
    """Return which networks of a stack are updated alike: with one optimizer and one schedule."""
    alike: dict[tuple[Optimizer, Training], list[int]] = {}
    for k, recipe in enumerate(recipes):
        alike.setdefault((recipe.optimizer, recipe.training), []).append(k)
    return [(recipes[networks[0]], networks) for networks in alike.values()]


class _Update:
    """The update of some networks of a stack, whose settings are the same."""

    def __init__(
        self, recipe: Recipe, networks: list[int], parameters: Flat, gradients: Flat, buffers: Mapping[str, Flat], total: int
    ) -> None:
        self._optimizer = recipe.optimizer
        self._rates = recipe.training.learning_rates(recipe.optimizer.lr, total).tolist()
        self._parameters, self._gradients = parameters.of_networks(networks), gradients.of_networks(networks)
        self._buffers = {kind: flat.of_networks(networks) for kind, flat in buffers.items()}

    def __call__(self, step: int) -> None:
        self._optimizer.update(self._parameters, self._gradients, self._buffers, self._rates[step], step)


def _batches(
    recipes: Sequence[Recipe], training: Training, tables: tuple[Tensor, Tensor], first: int, last: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the rows of two tables that each network sees in steps `first` to `last` - 1: inputs (K, B, d), targets (K, B, classes).

    Several batches are gathered at a time: for narrow networks a call costs more than what it does.
    """
    (examples, n_inputs), size, device = tables[0].shape, training.batch_size, tables[0].device
    per_epoch = math.ceil(examples / size)
    at_once = max(1, MOST_GATHERED // (len(recipes) * size * n_inputs)) * size
    epochs = range(first // per_epoch, math.ceil(last / per_epoch))
    drawn = [islice(data_orders(recipe.seed, recipe.number, examples), epochs.start, None) for recipe in recipes]
    for epoch in epochs:
        orders = torch.from_numpy(np.stack([next(order) for order in drawn]))
        here = orders[:, max(first - epoch * per_epoch, 0) * size : (last - epoch * per_epoch) * size].to(device)
        for rows in here.split(at_once, dim=1):
            inputs, targets = (table.index_select(0, rows.reshape(-1)).unflatten(0, rows.shape) for table in tables)
            yield from zip(inputs.split(size, dim=1), targets.split(size, dim=1), strict=True)
