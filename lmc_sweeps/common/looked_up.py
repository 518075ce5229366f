"""What a record tells by where it came from, ``${oc.env:NAME}`` or another key of it, looked up again where the record is read."""

import os
import re
from collections.abc import Mapping
from typing import Any

MOST = 100  # interpolations in one text; a circle ends there
_INNERMOST = re.compile(r"\$\{([^${}]*)\}")
_OF_ENVIRONMENT = re.compile(r"\s*oc\.env\s*:([^,]*)(?:,(.*))?", re.DOTALL)


def looked_up(text: str, config: Mapping[str, Any]) -> str:
    """Return a text with what its interpolations name here.

    Parameters
    ----------
    text : str
    config : mapping
        The config of a record, for interpolations of other keys.

    Raises
    ------
    LookupError
        If an environment variable is not set, or an interpolation is none of these.
    """
    for _ in range(MOST):
        if (inner := _INNERMOST.search(text)) is None:
            break
        text = f"{text[: inner.start()]}{_named(inner[1], config)}{text[inner.end() :]}"
    if "${" in text:
        raise LookupError(f"{text!r} cannot be looked up here")
    return text


def _named(content: str, config: Mapping[str, Any]) -> str:
    """Return what stands for an interpolation, its braces aside."""
    if (of_environment := _OF_ENVIRONMENT.fullmatch(content)) is not None:
        name, default = of_environment[1].strip(), of_environment[2]
        found = os.environ.get(name, None if default is None else default.strip().strip("'\""))
        if found is None:
            raise LookupError(f"the environment variable {name} is not set")
        return found
    value: Any = config
    for part in content.strip().split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if not isinstance(value, str | int | float):
        raise LookupError(f"`${{{content}}}` cannot be looked up here")
    return str(value)
