"""`none`: networks as they are, the control beside every repair."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.repair.base import Repair


@dataclass(frozen=True, kw_only=True)
class NoRepair(Repair):
    """Leave networks as they are."""

    name: ClassVar[str] = "none"

    def __call__(self, architecture: Architecture, stack: Mapping[str, Tensor], train: Split) -> dict[str, Tensor]:
        """Return the stack."""
        return dict(stack)

    def applies(self, architecture: Architecture) -> bool:
        return False
