"""Jobs of networks with batch norms, kept after every step, and what ends a training."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from normalised_networks import CLASSES, architecture, convolutions, drawn, split, tensors
from small_jobs import small_job
from torch import Tensor

from lmc_sweeps.datasets.base import Data
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.models.base import Architecture, Model, Shape
from lmc_sweeps.training.optimizers import AdamW
from lmc_sweeps.training.recipe import Training

DATA = Data(split(40, 0, torch.float32), split(20, 7, torch.float32), CLASSES)
STATISTICS = {f"{layer}.running_{kind}" for layer in (1, 4) for kind in ("mean", "var")}
ALWAYS = Training(epochs=2, batch_size=16, checkpoint_seconds=0.0, augmentation="crop_flip", crop_padding=1, label_smoothing=0.1)


@dataclass(frozen=True, kw_only=True)
class Normalised(Model):
    """The convolutions of `normalised_networks`, whatever the width."""

    name: ClassVar[str] = "normalised"

    def architecture(self, shape: Shape) -> Architecture:
        return architecture(torch.float32)

    def initial(self, shape: Shape, rng: np.random.Generator) -> dict[str, Tensor]:
        return tensors(drawn(convolutions, int(rng.integers(2**31)), torch.float32))


def job(**changes) -> PreparedJob:
    return small_job(DATA, **{"model": Normalised(), "training": ALWAYS, "optimizer": AdamW(decayed="weights"), "points": 3} | changes)


def killed(steps: int):
    """Return what ends the training of two networks after so many steps."""
    count: list[int] = []

    def note(networks: int) -> None:
        count.append(networks)
        if len(count) == steps + 1:
            raise KeyboardInterrupt

    return note
