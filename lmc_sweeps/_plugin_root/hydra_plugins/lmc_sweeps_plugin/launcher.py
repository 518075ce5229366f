"""The launcher under the name by which Hydra finds it."""

from lmc_sweeps.launcher import BatchedLauncher


class LmcLauncher(BatchedLauncher):
    """`lmc_sweeps.launcher.BatchedLauncher`, selected by ``conf/hydra/launcher/batched.yaml``."""
