"""Training of stacks: K networks of one shape, each with its own data order, in the same steps."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lmc_sweeps import checks
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.optimizers import Optimizer
from lmc_sweeps.seeding import generator

CODE_VERSION = 1  # part of every run_id: raise it when training gives other bits
SCHEDULES = ("constant", "warmup_cosine")


@dataclass(frozen=True, kw_only=True)
class Training:
    r"""The settings of a training recipe.

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

    def __post_init__(self) -> None:
        checks.integer("training.epochs", self.epochs, least=0)
        checks.integer("training.batch_size", self.batch_size)
        checks.one_of("training.schedule", self.schedule, SCHEDULES)
        checks.integer("training.warmup_steps", self.warmup_steps, least=0)
        object.__setattr__(self, "warmup_lr", checks.number("training.warmup_lr", self.warmup_lr, least=0.0))

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


@dataclass(frozen=True)
class TrainedStack:
    """The trained parameters, and for each network whether every loss and every weight was finite throughout."""

    stack: dict[str, Tensor]
    finite: tuple[bool, ...]


def data_order(seed: int, network: int, epoch: int, examples: int) -> np.ndarray:
    """Return the order in which a network sees the training set in an epoch, a permutation of (examples,)."""
    return generator(seed, "network", network, "data_order", epoch).permutation(examples)


def train(
    architecture: Architecture,
    initial: Mapping[str, Tensor],
    networks: Sequence[tuple[int, int]],
    split: Split,
    optimizer: Optimizer,
    training: Training,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> TrainedStack:
    r"""Train K networks at once.

    .. math:: L_k = \tfrac1B \sum_{i \in \text{batch}_k} -\log p_{\theta_k}(y_i | x_i), \qquad
              \theta_k \leftarrow \text{update}(\theta_k, \nabla_{\theta_k} L_k, \eta_k)

    Parameters
    ----------
    architecture : Architecture
    initial : mapping of str to Tensor, shape (K, ...)
        Not changed.
    networks : sequence of (seed, number), length K
        Whose data orders to use.
    split : Split
        The training set, on the device of the stack.
    optimizer : Optimizer
    training : Training
    on_step : callable
        Told the steps done and their total.

    Returns
    -------
    TrainedStack
    """
    examples, device = len(split), split.inputs.device
    total = training.steps(examples)
    rates = training.learning_rates(optimizer.lr, total)
    lr = torch.tensor(rates, dtype=torch.float32, device=device).unsqueeze(1).expand(total, len(networks))
    stack = {name: tensor.clone().requires_grad_() for name, tensor in initial.items()}
    state = optimizer.state(stack)
    finite = torch.ones(len(networks), dtype=torch.bool, device=device)
    step = 0
    for epoch in range(training.epochs):
        order = torch.from_numpy(np.stack([data_order(seed, number, epoch, examples) for seed, number in networks])).to(device)
        for rows in order.split(training.batch_size, dim=1):  # (K, B)
            losses = batch_losses(architecture, stack, split.inputs[rows], split.labels[rows])
            gradients = torch.autograd.grad(losses.sum(), list(stack.values()))
            with torch.no_grad():
                finite &= losses.isfinite()
                optimizer.update(stack, dict(zip(stack, gradients, strict=True)), state, lr[step], step)
            step += 1
            on_step(step, total)
    trained = {name: tensor.detach() for name, tensor in stack.items()}
    for tensor in trained.values():  # a weight that is not finite never recovers, so looking once at the end is enough
        finite &= tensor.isfinite().flatten(1).all(1)
    return TrainedStack(trained, tuple(finite.tolist()))


def batch_losses(architecture: Architecture, stack: Mapping[str, Tensor], inputs: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of each network on its own batch: inputs (K, B, d), labels (K, B) -> (K,)."""
    logits = architecture.forward(stack, inputs)  # (K, B, classes)
    nats = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return nats.view(labels.shape).mean(1)
