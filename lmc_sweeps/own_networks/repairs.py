"""Repairs by their names: what a caller asks `compare` for."""

from collections.abc import Sequence

from lmc_sweeps import repair
from lmc_sweeps.common import checks
from lmc_sweeps.repair.base import Repair


def build_repairs(names: Sequence[str]) -> tuple[Repair, ...]:
    """Return repairs by name, each once.

    Raises
    ------
    InputError
        If a name is unknown (choices listed), or no repair is named.
    """
    if not isinstance(names, str | Sequence) or not all(isinstance(name, str) for name in names):
        raise checks.InputError(f"`repair` must be a sequence of names of repairs, got {names!r}.")
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names:
        raise checks.InputError("`repair` must name at least one repair, got none.")
    classes = repair.choices()
    return tuple(classes[checks.one_of("repair", name, classes)]() for name in dict.fromkeys(names))
