"""Datasets: one file each; a dataset is a frozen record of settings that loads two splits."""

from lmc_sweeps.common.registry import variants
from lmc_sweeps.datasets.base import Dataset
from multirun_analysis.common.registry import extend_packages

extend_packages()


def choices() -> dict[str, type[Dataset]]:
    """Return the classes of this room by name: every module beside this one, and in a user's own folders."""
    return variants(__name__, Dataset)
