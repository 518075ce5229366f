"""Matching methods by their names, with their settings: what a caller asks `compare` for."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from lmc_sweeps import matching
from lmc_sweeps.common import checks
from lmc_sweeps.matching.base import Matching


def build_methods(
    names: Sequence[str], settings: Mapping[str, Mapping[str, Any]], transport: str | None = None, others: Sequence[str] = ()
) -> tuple[Matching, ...]:
    """Return matching methods by name, with their settings; `others` are the names of parts of other kinds that have settings too.

    Raises
    ------
    InputError
        If a name or a setting is unknown (choices listed), or no method is named.
    """
    if not isinstance(names, str | Sequence) or not all(isinstance(name, str) for name in names):
        raise checks.InputError(f"`matching` must be a sequence of names of methods, got {names!r}.")
    if not isinstance(settings, Mapping) or not all(isinstance(values, Mapping) for values in settings.values()):
        raise checks.InputError(f"`settings` must be a mapping of methods to mappings of their settings, got {settings!r}.")
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names:
        raise checks.InputError("`matching` must name at least one method, got none.")
    classes = matching.choices()
    unnamed = [key for key in settings if key not in (*names, *others)]
    if unnamed and unnamed[0] in classes:
        raise checks.InputError(f"`settings` are for {unnamed[0]!r}, which `matching` does not name; add it: {', '.join(names)}.")
    checks.known_keys("settings", unnamed, names)
    methods = []
    for name in dict.fromkeys(names):
        cls = classes[checks.one_of("matching", name, classes)]
        keys = [field.name for field in fields(cls) if field.name not in cls.unused()]
        values = dict(settings.get(name, {}))
        checks.known_keys(f"matching.{name}", values, keys)
        if transport is not None and "transport" in keys:
            values.setdefault("transport", transport)
        methods.append(cls(**values))
    return tuple(methods)
