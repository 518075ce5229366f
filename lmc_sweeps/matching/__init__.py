"""Matching methods: which ground cost, in which order of layers, with which transport."""

from lmc_sweeps.common.registry import variants
from lmc_sweeps.matching.base import Matching


def choices() -> dict[str, type[Matching]]:
    """Return the classes of this room by name: every module beside this one is looked through."""
    return variants(__name__, Matching)
