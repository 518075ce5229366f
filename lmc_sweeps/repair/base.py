"""What every repair is: settings called on a stack of networks and training data that return the networks repaired."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture


@dataclass(frozen=True, kw_only=True)
class Repair(ABC):
    """The settings of a repair."""

    name: ClassVar[str]

    @abstractmethod
    def __call__(self, architecture: Architecture, stack: Mapping[str, Tensor], train: Split) -> dict[str, Tensor]:
        """Return a stack of networks, repaired; only training data may be looked at.

        Parameters
        ----------
        architecture : Architecture
        stack : mapping of str to Tensor, shapes (K, ...)
            It is not changed.
        train : Split

        Returns
        -------
        dict of str to Tensor, shapes (K, ...)
        """

    def applies(self, architecture: Architecture) -> bool:
        """Return whether networks of this kind have what it repairs; others come back as they are."""
        return True

    def notes(self, architecture: Architecture) -> tuple[str, ...]:
        """Return a sentence for everything that a reader of numbers on repaired networks of this kind must know."""
        return ()
