"""What Hydra gives to a sweeper and a launcher, made once per process: its loader, a sweep's config, a composer of jobs."""

from functools import cache

from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig

import lmc_sweeps.cli  # noqa: F401 - Hydra learns of our plugins and of the names of jobs
from lmc_sweeps.sweeps.composing import JobComposer
from lmc_sweeps.sweeps.conf_folder import conf_dir

# A job of a blink.
TINY = [
    "dataset=gaussian_mixture", "dataset.train_size=64", "dataset.test_size=16", "training.epochs=1", "points=3", "device=cpu",
    "matching=[weights]",
]  # fmt: skip


@cache
def loader() -> ConfigLoader:
    """Return the loader of our configs."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return GlobalHydra.instance().config_loader()


def sweep_config(*overrides: str) -> DictConfig:
    """Return the config with which a sweep begins."""
    return loader().load_configuration("config", list(overrides), RunMode.MULTIRUN)


@cache
def composer() -> JobComposer:
    """Return the composer of the jobs of a sweep in which nothing was set."""
    return JobComposer(loader(), sweep_config())
