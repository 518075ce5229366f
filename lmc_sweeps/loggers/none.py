"""`none`: nothing is logged, the default."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lmc_sweeps.loggers.base import Logger
from lmc_sweeps.loggers.logged_job import LoggedJob


@dataclass(frozen=True, kw_only=True)
class NoLogger(Logger):
    """Log nothing."""

    name: ClassVar[str] = "none"

    def target(self, folder: Path) -> str:
        return "nowhere"

    def log(self, jobs: Sequence[LoggedJob], folder: Path) -> int:
        return 0
