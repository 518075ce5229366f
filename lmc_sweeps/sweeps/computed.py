"""Which keys of a config are computed from others: the interpolations in it, as they were composed.

Averages over seeds depend on it: a learning rate that the config computes from the seed is not a setting of its own, one that was typed
beside the seed is.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

# Resolvers that depend on more than their arguments: the environment, the clock, other keys by name. Their values count as set by hand.
OUTWARD = ("oc.env", "oc.select", "oc.dict.keys", "oc.dict.values", "oc.deprecated", "now", "hydra", "python_version", "run_id")
DEEPEST = 20  # keys computed from keys computed from ...; a circle ends there
_INNERMOST = re.compile(r"\$\{([^${}]*)\}")
_MARK = "\0{}\0"  # stands for an interpolation that was expanded

Path = tuple[str, ...]


def computed_keys(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the keys that a config computes from others, with how: the expression, and the keys that were set by hand at its bottom.

    Parameters
    ----------
    config : mapping
        Plain values, interpolations as text: ``OmegaConf.to_container(..., resolve=False)``.

    Returns
    -------
    dict
        ``{"dataset.seed": {"expression": "${seed}", "keys": ["seed"]}}``. Keys that depend on anything
        else, or whose expression cannot be read, are left out.
    """
    computed = {}
    for path, value in _leaves(config, ()):
        if not (isinstance(value, str) and "${" in value):
            continue
        keys: set[str] = set()
        try:
            expression = _expanded(value, path, config, keys, DEEPEST)
        except ValueError:
            continue
        if keys:
            computed[".".join(path)] = {"expression": expression, "keys": sorted(keys)}
    return computed


def _leaves(config: Mapping[str, Any], above: Path) -> Iterator[tuple[Path, Any]]:
    for key, value in config.items():
        path = (*above, str(key))
        if isinstance(value, Mapping):
            yield from _leaves(value, path)
        else:
            yield path, value


def _expanded(text: str, path: Path, config: Mapping[str, Any], keys: set[str], depth: int) -> str:
    """Return an expression with the computed keys in it replaced by what computes them, and add the others to `keys`."""
    if depth == 0 or "\\" in text or "\0" in text:
        raise ValueError("a circle, or escapes")
    parts: list[str] = []
    while (inner := _INNERMOST.search(text)) is not None:
        content = inner[1].strip()
        resolver, colon, _ = content.partition(":")
        if colon:
            if resolver.strip() in OUTWARD or "\0" in resolver:
                raise ValueError("depends on more than its arguments")
            part = inner[0]
        else:
            part = _key(content, path, config, keys, depth)
        text = text[: inner.start()] + _MARK.format(len(parts)) + text[inner.end() :]
        parts.append(part)
    if "${" in text:
        raise ValueError("not understood")
    for k in range(len(parts) - 1, -1, -1):  # the outer ones hold the marks of the inner ones
        text = text.replace(_MARK.format(k), parts[k])
    return text


def _key(name: str, path: Path, config: Mapping[str, Any], keys: set[str], depth: int) -> str:
    """Return what stands for a key in an expression: itself if its value was set, else what computes it."""
    parts = name.lstrip(".").replace("[", ".").replace("]", "").split(".")
    n_dots = len(name) - len(name.lstrip("."))  # one is the mapping that the key is in
    if n_dots > len(path):
        raise ValueError("above the config")
    referenced = (*(path[: len(path) - n_dots] if n_dots else ()), *parts)
    value: Any = config
    for part in referenced:
        if not (isinstance(value, Mapping) and part in value):
            raise ValueError("no key of the config")
        value = value[part]
    if isinstance(value, Mapping | list):
        raise ValueError("more than one value")
    if isinstance(value, str) and "${" in value:
        return _expanded(value, referenced, config, keys, depth - 1)
    keys.add(".".join(referenced))
    return "${" + ".".join(referenced) + "}"
