"""The sweeper under the name by which Hydra finds it."""

from lmc_sweeps.sweeps.sweeper import ValidatingSweeper


class LmcSweeper(ValidatingSweeper):
    """`lmc_sweeps.sweeps.sweeper.ValidatingSweeper`, selected by ``conf/hydra/sweeper/lmc.yaml``."""
