"""Recipes of training: the settings that say how long, in what batches, at what rates and on what views of the examples."""

import math
from dataclasses import dataclass, field

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import NEVER
from lmc_sweeps.training.augmentation import AUGMENTATIONS
from lmc_sweeps.training.optimizers import Optimizer

SCHEDULES = ("constant", "warmup_cosine")
DATA_ORDERS = ("own", "shared")


@dataclass(frozen=True, kw_only=True)
class Training:
    r"""The settings of a training recipe.

    `stack` is the most networks trained at once (null: as many as are measured to pay), `stack_gib` the most memory that they may take
    (null: 2 GiB, or most of what is free on a GPU), `checkpoint_seconds` the time after which a stack is kept, to go on from there after
    a kill.

    `curve_epochs` is n to measure the training curve, loss and error of every network on both splits, before the first step (epoch 0),
    after every n-th epoch and after the last one; null measures none. It takes a forward pass over both splits each time.

    `data_order` is ``own``: every network of a job sees the training set in orders of its own; or ``shared``: all see it in those of
    network 0, so that they differ by their initialisation only.

    `label_smoothing` :math:`\varepsilon` takes that share of every target and spreads it over all classes (`gradients.target_table`);
    losses that are recorded are those of the labels themselves.

    `augmentation` is ``none``; ``crop``: of every image, in every epoch, a part of its own size out of a frame of `crop_padding` zeros;
    ``flip``: its mirror image or not; or ``crop_flip``: both. Networks that share their data order share these draws as well.

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
    label_smoothing: float = 0.0
    augmentation: str = "none"
    crop_padding: int = 4
    # How the work is done, which touches no bit of what comes out: not part of a network's name.
    stack: int | None = field(default=None, metadata=NEVER)
    stack_gib: float | None = field(default=None, metadata=NEVER)
    checkpoint_seconds: float = field(default=60.0, metadata=NEVER)
    curve_epochs: int | None = field(default=None, metadata=NEVER)

    def __post_init__(self) -> None:
        checks.integer("training.epochs", self.epochs, least=0)
        checks.integer("training.batch_size", self.batch_size)
        checks.one_of("training.schedule", self.schedule, SCHEDULES)
        checks.one_of("training.data_order", self.data_order, DATA_ORDERS)
        object.__setattr__(self, "label_smoothing", checks.number("training.label_smoothing", self.label_smoothing, least=0.0, below=1.0))
        checks.one_of("training.augmentation", self.augmentation, AUGMENTATIONS)
        checks.integer("training.crop_padding", self.crop_padding)
        checks.integer("training.warmup_steps", self.warmup_steps, least=0)
        object.__setattr__(self, "warmup_lr", checks.number("training.warmup_lr", self.warmup_lr, least=0.0))
        if self.stack is not None:
            checks.integer("training.stack", self.stack)
        if self.stack_gib is not None:
            object.__setattr__(self, "stack_gib", checks.number("training.stack_gib", self.stack_gib, above=0.0))
        object.__setattr__(self, "checkpoint_seconds", checks.number("training.checkpoint_seconds", self.checkpoint_seconds, least=0.0))
        if self.curve_epochs is not None:
            checks.integer("training.curve_epochs", self.curve_epochs)

    def steps(self, examples: int) -> int:
        """Return the number of steps on a training set of that size; the last batch of an epoch may be short."""
        return self.epochs * self.steps_per_epoch(examples)

    def steps_per_epoch(self, examples: int) -> int:
        """Return the number of steps that see every example of a training set of that size once."""
        return math.ceil(examples / self.batch_size)

    def points_of_curve(self) -> int:
        """Return how often the training curve is measured."""
        return 0 if self.curve_epochs is None else 1 + math.ceil(self.epochs / self.curve_epochs)

    def epochs_of_curve(self) -> tuple[int, ...]:
        """Return the epochs after which the training curve is measured, ascending; 0 is before the first step, and none if none is.

        >>> Training(epochs=5, curve_epochs=2).epochs_of_curve()
        (0, 2, 4, 5)
        """
        if self.curve_epochs is None:
            return ()
        return tuple(sorted({*range(0, self.epochs + 1, self.curve_epochs), self.epochs}))

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
