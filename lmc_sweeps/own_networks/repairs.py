"""Repairs by their names: what a caller asks `compare` for."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from lmc_sweeps import repair
from lmc_sweeps.common import checks
from lmc_sweeps.repair.base import Repair


def build_repairs(names: Sequence[str], settings: Mapping[str, Mapping[str, Any]]) -> tuple[Repair, ...]:
    """Return repairs by name, each once, with their settings.

    Raises
    ------
    InputError
        If a name or a setting is unknown (choices listed), or no repair is named.
    """
    if not isinstance(names, str | Sequence) or not all(isinstance(name, str) for name in names):
        raise checks.InputError(f"`repair` must be a sequence of names of repairs, got {names!r}.")
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names:
        raise checks.InputError("`repair` must name at least one repair, got none.")
    classes = repair.choices()
    repairs = []
    for name in dict.fromkeys(names):
        cls, values = classes[checks.one_of("repair", name, classes)], dict(settings.get(name, {}))
        checks.known_keys(f"repair.{name}", values, [field.name for field in fields(cls)])
        repairs.append(cls(**values))
    return tuple(repairs)
