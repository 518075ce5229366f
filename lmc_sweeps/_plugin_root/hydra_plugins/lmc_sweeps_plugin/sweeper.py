"""The sweeper under the name by which Hydra finds it; the one that does the work is imported when a command is a sweep."""

from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class LmcSweeper(Sweeper):
    """`lmc_sweeps.sweeps.sweeper.ValidatingSweeper`, selected by ``conf/hydra/sweeper/lmc.yaml``."""

    def __init__(self, **settings: Any) -> None:
        from lmc_sweeps.sweeps.sweeper import ValidatingSweeper

        self._sweeper = ValidatingSweeper(**settings)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._sweeper.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> Any:
        return self._sweeper.sweep(arguments)
