"""Repairs: what is put right in networks between two others, from training data, before they are evaluated."""

from lmc_sweeps.common.registry import variants
from lmc_sweeps.repair.base import Repair
from multirun_analysis.common.registry import extend_packages

extend_packages()


def choices() -> dict[str, type[Repair]]:
    """Return the classes of this room by name: every module beside this one, and in a user's own folders."""
    return variants(__name__, Repair)
