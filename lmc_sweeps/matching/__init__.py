"""Matching methods: which ground cost, in which order of layers, with which transport."""

from lmc_sweeps.common.registry import variants
from lmc_sweeps.matching.base import Matching
from multirun_analysis.common.registry import extend_packages

extend_packages()


def choices() -> dict[str, type[Matching]]:
    """Return the classes of this room by name: every module beside this one, and in a user's own folders."""
    return variants(__name__, Matching)
