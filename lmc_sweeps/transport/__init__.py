"""Transports: from a ground cost to an optimal coupling of A's neurons with B's."""

from lmc_sweeps.common.registry import variants
from lmc_sweeps.transport.base import Transport
from multirun_analysis.common.registry import extend_packages

extend_packages()


def choices() -> dict[str, type[Transport]]:
    """Return the classes of this room by name: every module beside this one, and in a user's own folders."""
    return variants(__name__, Transport)
