"""What every repair is: settings that, for two networks and training data, give a function which repairs the networks between the two."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lmc_sweeps.common.identity import Measuring
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture

# From a stack of networks, tensors (T, ...), and their values of t, (T,), to the stack repaired; the stack itself is not changed.
RepairAt = Callable[[Mapping[str, Tensor], Tensor], dict[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Repair(Measuring, ABC):
    """The settings of a repair."""

    name: ClassVar[str]

    @abstractmethod
    def between(self, architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], train: Split) -> RepairAt:
        """Return the function that repairs networks on a path from A, at t = 0, to mapped B, at t = 1.

        Parameters
        ----------
        architecture : Architecture
        a, b : mapping of str to Tensor
            The ends of the path.
        train : Split
            All the data that may be looked at.

        Returns
        -------
        callable
            From a stack of networks, tensors (T, ...), and their values of t, (T,), to the repaired stack.
        """

    def applies(self, architecture: Architecture) -> bool:
        """Return whether networks of this kind have what it repairs; others come back as they are."""
        return True

    def notes(self, architecture: Architecture) -> tuple[str, ...]:
        """Return a sentence for everything that a reader of numbers on repaired networks of this kind must know."""
        return ()

    def forwards(self, passes: int, examples: int) -> int:
        """Return on how many of the training examples it computes a network on a path, for estimates.

        Parameters
        ----------
        passes : int
            In which all hidden layers are seen (`Counts.repair_passes`).
        examples : int
            Of training.
        """
        return 0
