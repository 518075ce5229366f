"""Training of stacks: K networks of one shape, each with its own data order, in the same steps."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lmc_sweeps import checks
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.optimizers import Optimizer, State, own_settings
from lmc_sweeps.seeding import generator

CODE_VERSION = 1  # part of every run_id: raise it when training gives other bits
SCHEDULES = ("constant", "warmup_cosine")


@dataclass(frozen=True, kw_only=True)
class Training:
    r"""The settings of a training recipe.

    `stack` is the most networks trained at once (null: as many as are measured to pay), `stack_gib` the most memory that they may take,
    `checkpoint_seconds` the time after which a stack is kept, to go on from there after a kill.

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
    # How the work is done, which touches no bit of what comes out: not part of a network's name.
    stack: int | None = field(default=None, metadata={"identity": False})
    stack_gib: float = field(default=2.0, metadata={"identity": False})
    checkpoint_seconds: float = field(default=60.0, metadata={"identity": False})

    def __post_init__(self) -> None:
        checks.integer("training.epochs", self.epochs, least=0)
        checks.integer("training.batch_size", self.batch_size)
        checks.one_of("training.schedule", self.schedule, SCHEDULES)
        checks.integer("training.warmup_steps", self.warmup_steps, least=0)
        object.__setattr__(self, "warmup_lr", checks.number("training.warmup_lr", self.warmup_lr, least=0.0))
        if self.stack is not None:
            checks.integer("training.stack", self.stack)
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
    """How one network of a stack is trained: whose data order, and with which settings."""

    seed: int
    number: int
    optimizer: Optimizer
    training: Training


@dataclass(kw_only=True)
class StackState:
    """A stack at some step of its training: all that is needed to go on from there, bit for bit.

    Data orders are drawn anew for every epoch from (seed, number, epoch), so no generator has a state to keep. `finite` says for each
    network whether every loss, and at the end every weight, was finite.
    """

    parameters: dict[str, Tensor]
    optimizer: State
    finite: Tensor
    step: int


def initial_state(optimizer: Optimizer, parameters: Mapping[str, Tensor]) -> StackState:
    """Return the state of a stack before its first step."""
    first = next(iter(parameters.values()))
    finite = torch.ones(len(first), dtype=torch.bool, device=first.device)
    return StackState(parameters=dict(parameters), optimizer=optimizer.state(parameters), finite=finite, step=0)


def data_order(seed: int, network: int, epoch: int, examples: int) -> np.ndarray:
    """Return the order in which a network sees the training set in an epoch, a permutation of (examples,)."""
    return generator(seed, "network", network, "data_order", epoch).permutation(examples)


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
        With equal epochs, batch sizes and kinds of optimizer.
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
    examples, device = len(split), split.inputs.device
    optimizer, training = recipes[0].optimizer, recipes[0].training
    total = training.steps(examples)
    last = total if steps is None else min(total, start.step + steps)
    own = own_settings([recipe.optimizer for recipe in recipes], device)
    rates = np.stack([recipe.training.learning_rates(recipe.optimizer.lr, total) for recipe in recipes], axis=1)
    lr = torch.tensor(rates, dtype=torch.float32, device=device)  # (steps, K)
    state = StackState(
        parameters={name: tensor.detach().clone().requires_grad_() for name, tensor in start.parameters.items()},
        optimizer={kind: {name: tensor.clone() for name, tensor in tensors.items()} for kind, tensors in start.optimizer.items()},
        finite=start.finite.clone(),
        step=start.step,
    )
    leaves = list(state.parameters.values())
    for rows in _batches(recipes, training, examples, start.step, last):  # (K, B)
        rows = rows.to(device)
        losses = batch_losses(architecture, state.parameters, split.inputs[rows], split.labels[rows])
        gradients = torch.autograd.grad(losses.sum(), leaves)
        with torch.no_grad():
            state.finite &= losses.isfinite()
            here = own | {"lr": lr[state.step]}
            optimizer.update(state.parameters, dict(zip(state.parameters, gradients, strict=True)), state.optimizer, here, state.step)
        state.step += 1
        after_step(state)
    state.parameters = {name: tensor.detach() for name, tensor in state.parameters.items()}
    for tensor in state.parameters.values():  # a weight that is not finite never recovers, so looking once at the end is enough
        state.finite &= tensor.isfinite().flatten(1).all(1)
    return state


def _batches(recipes: Sequence[Recipe], training: Training, examples: int, first: int, last: int) -> Iterator[Tensor]:
    """Yield the rows of the training set that each network sees in steps `first` to `last` - 1, shape (K, B)."""
    per_epoch = math.ceil(examples / training.batch_size)
    for epoch in range(first // per_epoch, math.ceil(last / per_epoch)):
        orders = [data_order(recipe.seed, recipe.number, epoch, examples) for recipe in recipes]
        batches = torch.from_numpy(np.stack(orders)).split(training.batch_size, dim=1)
        yield from batches[max(first - epoch * per_epoch, 0) : last - epoch * per_epoch]


def batch_losses(architecture: Architecture, stack: Mapping[str, Tensor], inputs: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of each network on its own batch: inputs (K, B, d), labels (K, B) -> (K,)."""
    logits = architecture.forward(stack, inputs)  # (K, B, classes)
    nats = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return nats.view(labels.shape).mean(1)
