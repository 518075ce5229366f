"""Datasets: one file each; a dataset is a frozen record of settings that loads two splits."""

from lmc_sweeps.common.registry import variants
from lmc_sweeps.datasets.base import Dataset


def choices() -> dict[str, type[Dataset]]:
    """Return the classes of this room by name: every module beside this one is looked through."""
    return variants(__name__, Dataset)
