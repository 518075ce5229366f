"""Matching methods: which ground cost, in which order of layers, with which transport."""

from collections.abc import Set

from lmc_sweeps.common.registry import variants
from lmc_sweeps.matching.base import NEEDS, Matching
from multirun_analysis.common.registry import extend_packages

extend_packages()


def choices() -> dict[str, type[Matching]]:
    """Return the classes of this room by name: every module beside this one, and in a user's own folders."""
    return variants(__name__, Matching, _wrong_needs)


def _wrong_needs(kind: type[Matching]) -> str | None:
    """Return what is wrong with what a class says that it needs; None if nothing is."""
    needs = getattr(kind, "needs", None)
    if isinstance(needs, Set) and needs <= set(NEEDS):
        return None
    rule = f"must have `needs: ClassVar[frozenset[str]]`, a frozenset of those of {', '.join(NEEDS)} that it looks at"
    return f"{rule}, got {'none' if needs is None else repr(needs)}"
