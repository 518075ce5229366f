"""Checks of what a user asks for: each message names the key, the rule, the value and the choices."""

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from multirun_analysis import checks
from multirun_analysis.checks import nearest

# What reading a file that holds anything at all can end in.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


InputError = checks.InputError  # one class, whoever raises it: a script that runs a sweep and reads it catches both


def integer(key: str, value: Any, *, least: int = 1, below: int | None = None) -> int:
    """Return `value` if it is an integer of at least `least` (and below `below`), else raise `InputError`."""
    rule = {0: "a non-negative integer", 1: "a positive integer"}.get(least, f"an integer of at least {least}")
    if below is not None:
        rule += f" below {below}"
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (below is not None and value >= below):
        raise InputError(f"`{key}` must be {rule}, got {value!r}.")
    return value


def number(key: str, value: Any, *, above: float | None = None, least: float | None = None, below: float | None = None) -> float:
    """Return `value` as a finite float inside the stated bounds, else raise `InputError`."""
    bounds = [f"above {above:g}"] if above is not None else []
    bounds += [f"at least {least:g}"] if least is not None else []
    bounds += [f"below {below:g}"] if below is not None else []
    rule = "a finite number" + (" " + " and ".join(bounds) if bounds else "")
    bad = isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value)
    if not bad:
        bad = (above is not None and value <= above) or (least is not None and value < least)
        bad = bad or (below is not None and value >= below)
    if bad:
        raise InputError(f"`{key}` must be {rule}, got {value!r}.")
    return float(value)


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the largest float
        return False


def user_path(key: str, value: str | Path) -> Path:
    """Return the path that a user wrote, with a ``~`` at its beginning made the home folder, else raise `InputError`."""
    return checks.user_path(key, value, InputError)


def boolean(key: str, value: Any) -> bool:
    """Return `value` if it is true or false, else raise `InputError`."""
    if not isinstance(value, bool):
        raise InputError(f"`{key}` must be true or false, got {value!r}.")
    return value


def text(key: str, value: Any) -> str:
    """Return `value` if it is a text that is not empty, else raise `InputError`."""
    if not isinstance(value, str) or not value:
        raise InputError(f"`{key}` must be a text, got {value!r}.")
    return value


def writable_folder(key: str, name: str) -> Path:
    """Return a folder, ``~`` being the home, if it can be written or made, else raise `InputError`; nothing is made here."""
    try:
        folder = Path(name).expanduser()
        nearest_existing = next(nearest_existing for nearest_existing in (folder, *folder.absolute().parents) if nearest_existing.exists())
    except (OSError, RuntimeError, ValueError) as error:  # a name that is too long, no home, a letter that no name can have
        raise InputError(f"`{key}` must be a folder that can be written, got {name!r}: {error}.") from None
    if not nearest_existing.is_dir():
        raise InputError(f"`{key}` must be a folder that can be written, got {name!r}, but {nearest_existing} is a file.")
    if not os.access(nearest_existing, os.W_OK | os.X_OK):
        raise InputError(f"`{key}` must be a folder that can be written, got {name!r}, but {nearest_existing} cannot be.")
    return folder


def one_of(key: str, value: Any, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`, else raise `InputError` with all of them and the nearest."""
    names = sorted(choices)
    if value not in names:
        raise InputError(f"`{key}` must be one of {', '.join(names)}, got {value!r}.{nearest(value, names)}")
    return value


def known_keys(prefix: str, keys: Iterable[str], allowed: Iterable[str], hint: Callable[[str], str] | None = None) -> None:
    """Raise `InputError` if one of `keys` is not in `allowed`; `prefix` is the dotted prefix of the keys, empty at the top.

    `hint` says, of the full key, which one may have been meant; without it the nearest of `allowed` is named.
    """
    choices = sorted(allowed)
    for key in keys:
        if key not in choices:
            full = f"{prefix}.{key}" if prefix else key
            level = f"`{prefix}`" if prefix else "the top level"
            meant = nearest(key, choices) if hint is None else hint(full)
            raise InputError(f"`{full}` is not a key; the keys at {level} are {', '.join(choices)}.{meant}")


def first_line(error: Exception) -> str:
    """Return the type of an error of somebody else's code, and the first line of its message."""
    message = str(error).strip().split("\n")[0][:300].rstrip(".")
    return f"{type(error).__name__}: {message}." if message else f"{type(error).__name__}."
