"""`none`: networks as they are, the control beside every repair."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture
from lmc_sweeps.repair.base import Repair, RepairAt


@dataclass(frozen=True, kw_only=True)
class NoRepair(Repair):
    """Leave networks as they are."""

    name: ClassVar[str] = "none"

    def between(self, architecture: Architecture, a: Mapping[str, Tensor], b: Mapping[str, Tensor], train: Split) -> RepairAt:
        return lambda stack, t: dict(stack)

    def applies(self, architecture: Architecture) -> bool:
        return False
