"""Interpolations in a record, ``${oc.env:NAME}`` or another of its keys: resolved again where the record is read."""

import os
import re
from collections.abc import Mapping
from typing import Any

MOST = 100  # interpolations in one text; a cycle ends there
_INNERMOST = re.compile(r"\$\{([^${}]*)\}")
_ENVIRONMENT = re.compile(r"\s*oc\.env\s*:([^,]*)(?:,(.*))?", re.DOTALL)


def resolved(text: str, config: Mapping[str, Any]) -> str:
    """Return a text with the values of its interpolations on this machine.

    Parameters
    ----------
    text : str
    config : mapping
        The config of a record, for interpolations of other keys.

    Raises
    ------
    LookupError
        If an environment variable is not set, or an interpolation is of another kind.
    """
    for _ in range(MOST):
        if (inner := _INNERMOST.search(text)) is None:
            break
        text = f"{text[: inner.start()]}{_named(inner[1], config)}{text[inner.end() :]}"
    if "${" in text:
        raise LookupError(f"{text!r} cannot be looked up here")
    return text


def _named(content: str, config: Mapping[str, Any]) -> str:
    """Return the value of an interpolation, given without its braces."""
    if (variable := _ENVIRONMENT.fullmatch(content)) is not None:
        name, default = variable[1].strip(), variable[2]
        text = os.environ.get(name, None if default is None else default.strip().strip("'\""))
        if text is None:
            raise LookupError(f"the environment variable {name} is not set")
        return text
    value: Any = config
    for part in content.strip().split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if not isinstance(value, str | int | float):
        raise LookupError(f"`${{{content}}}` cannot be looked up here")
    return str(value)
