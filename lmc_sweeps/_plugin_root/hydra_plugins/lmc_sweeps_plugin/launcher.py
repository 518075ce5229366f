"""The launchers under the names by which Hydra finds them."""

from lmc_sweeps.cluster.launcher import ClusterLauncher
from lmc_sweeps.sweeps.launcher import BatchedLauncher


class LmcLauncher(BatchedLauncher):
    """`lmc_sweeps.sweeps.launcher.BatchedLauncher`, selected by ``conf/hydra/launcher/batched.yaml``."""


class LmcClusterLauncher(ClusterLauncher):
    """`lmc_sweeps.cluster.launcher.ClusterLauncher`, selected by ``conf/hydra/launcher/slurm.yaml``."""
