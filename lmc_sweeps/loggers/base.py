"""What every logger is: settings that say where to, and a function that logs finished jobs there, each once."""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.loggers.logged_job import LoggedJob

EXTRAS = ("tensorboard", "wandb", "mlflow")  # of pyproject.toml


@dataclass(frozen=True, kw_only=True)
class Logger(ABC):
    """The settings of a logger.

    It reads finished records and changes nothing of them: a logger is no part of a job or of its name. Its library is imported in `log`
    alone.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()  # that it imports

    def check(self) -> None:
        """Raise `InputError` if a package that it needs is not installed; none is imported for that."""
        for package in self.packages:
            if importlib.util.find_spec(package.partition(".")[0]) is None:
                requirement = f"'lmc-sweeps[{self.name}]'" if self.name in EXTRAS else package.partition(".")[0]
                raise InputError(f"`logger={self.name}` needs the package {package}: pip install {requirement}.")

    @abstractmethod
    def target(self, folder: Path) -> str:
        """Return where the jobs of a sweep in a folder are logged, for people to read."""

    @abstractmethod
    def log(self, jobs: Sequence[LoggedJob], folder: Path) -> int:
        """Log the jobs of a sweep, and return how many: those that are logged there already, as they are now, are left alone.

        Parameters
        ----------
        jobs : sequence of LoggedJob
        folder : Path
            The sweep's.
        """
