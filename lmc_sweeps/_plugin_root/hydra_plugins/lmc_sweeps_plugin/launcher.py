"""The launchers under the names by which Hydra finds them; those that do the work are imported when one is chosen."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class LmcLauncher(Launcher):
    """`lmc_sweeps.sweeps.launcher.BatchedLauncher`, selected by ``conf/hydra/launcher/batched.yaml``."""

    def __init__(self, **settings: Any) -> None:
        self.launcher: Launcher = self.made(**settings)

    @staticmethod
    def made(**settings: Any) -> Launcher:
        """Return the launcher that does the work."""
        from lmc_sweeps.sweeps.launcher import BatchedLauncher

        return BatchedLauncher(**settings)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.launcher.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        return self.launcher.launch(job_overrides, initial_job_idx)


class LmcClusterLauncher(LmcLauncher):
    """`lmc_sweeps.cluster.launcher.ClusterLauncher`, selected by ``conf/hydra/launcher/slurm.yaml``."""

    @staticmethod
    def made(**settings: Any) -> Launcher:
        from lmc_sweeps.cluster.launcher import ClusterLauncher

        return ClusterLauncher(**settings)
