"""Settings given in Python, as the overrides that a command line would have."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.config import SEVERAL
from lmc_sweeps.sweeps.overrides import quoted

_NAME = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)  # a text that Hydra's grammar takes as it is
_WORDS = ("true", "false", "null", "nan", "inf")  # and that it takes for something else than text


def overrides_of(keys: Mapping[str, Any], of_job: bool = False) -> list[str]:
    """Return overrides, e.g. ``width=8,16`` for ``{"width": [8, 16]}``.

    A list, a range or an array is several values; of `matching`, `repair` and `logger` it is what one job takes several of. A mapping
    holds the keys of a group: ``{"optimizer": {"lr": 0.1}}`` is ``optimizer.lr=0.1``.

    Parameters
    ----------
    keys : mapping
    of_job : bool
        Whether they are those of one job, in which every key has one value.

    Raises
    ------
    InputError
        If a value is nothing that a key can take.
    """
    return [f"{key}={_text(key, value, of_job)}" for key, value in _flat("", keys)]


def _flat(above: str, keys: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield keys under their dotted names."""
    for name, value in keys.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{above}{name}.", value)
        else:
            yield f"{above}{name}", value


def _text(key: str, value: Any, of_job: bool) -> str:
    """Return a value, or the values of a sweep, as an override has them."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, str) or not isinstance(value, Iterable):
        return _one(key, value)
    if isinstance(value, range) and len(value) > 1 and not of_job:  # one by one, many of them are longer than a command may be
        return f"range({value.start},{value.stop},{value.step})"
    values = [_one(key, each) for each in value]
    if not values:
        raise InputError(f"`{key}` must have a value, got {value!r}.")
    if of_job and len(values) > 1 and key not in SEVERAL:
        raise InputError(f"`{key}` must have one value in a job, got {value!r}; `sweep` takes several.")
    return f"[{','.join(values)}]" if key in SEVERAL else ",".join(values)


def _one(key: str, value: Any) -> str:
    """Return one value as Hydra's grammar writes it."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        text = str(value)
        return text if _NAME.fullmatch(text) and text.lower() not in _WORDS else quoted(text)
    if isinstance(value, list | tuple):
        return f"[{','.join(_one(key, each) for each in value)}]"
    raise InputError(f"`{key}` must be a number, a text, true, false, null or a list of these, got {value!r}.")
