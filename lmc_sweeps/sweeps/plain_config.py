"""A composed config as plain values: what Hydra and OmegaConf hand over to the core."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lmc_sweeps.common.checks import InputError

MISSING = "???"  # OmegaConf's word for a value that must be set
_OUTSIDE = re.compile(r"\$\{oc\.env:[^${}]*\}")  # an interpolation whose value no key of the config changes


@dataclass(frozen=True)
class PlainConfig:
    """A config without Hydra's own node: its `values`, and its `texts`, which are the same with interpolations as they were written."""

    texts: Mapping[str, Any]
    values: Mapping[str, Any]

    @classmethod
    def made_of(cls, config: DictConfig | Mapping[str, Any]) -> "PlainConfig":
        """Return a config, or a mapping in which nothing is to be resolved, so.

        Raises
        ------
        InputError
            If a value is missing, or cannot be resolved.
        """
        composed: Any = OmegaConf.to_container(config, resolve=False) if isinstance(config, DictConfig) else config
        texts = {str(key): value for key, value in composed.items() if key != "hydra"}
        return cls(texts, _resolved(config, texts) if isinstance(config, DictConfig) else texts)

    def with_values(self, values: Mapping[str, Any]) -> "PlainConfig | None":
        """Return the config with other values under some dotted keys; None where OmegaConf must set them.

        That is where they are not plain, where a key is none or holds a mapping, and where something in the config is computed from others.
        """
        if any("${" in _OUTSIDE.sub("", text) for _, text in leaves(self.texts)):
            return None
        if not all(map(_is_plain, values.values())) or any("${" in text or text == MISSING for _, text in leaves(dict(values))):
            return None
        changed = [_with_values(each, values) for each in (self.texts, self.values)]
        return None if None in changed else PlainConfig(*changed)  # type: ignore[arg-type]


def _is_plain(value: Any) -> bool:
    return all(map(_is_plain, value)) if isinstance(value, list) else isinstance(value, str | int | float | None)


def _with_values(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a copy of a nested mapping with other values; None if a key is none, or holds a mapping. What is not changed is not copied."""
    copy = dict(config)
    copied: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        *above, name = key.split(".")
        inside, path = copy, ""
        for part in above:
            path = f"{path}.{part}"
            if not isinstance(inside.get(part), Mapping):
                return None
            if path not in copied:
                inside[part] = copied[path] = dict(inside[part])
            inside = copied[path]
        if name not in inside or isinstance(inside[name], Mapping):
            return None
        inside[name] = value
    return copy


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of a nested config under dotted names."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from leaves(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{key}.{index}")
    elif isinstance(value, str):
        yield key, value


def _resolved(config: DictConfig, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config as plain values, interpolations resolved."""
    values = {}
    for key, text in texts.items():
        if not any("${" in leaf or leaf == MISSING for _, leaf in leaves(text)):
            values[key] = text
            continue
        try:
            value = config[key]
            values[key] = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        except OmegaConfBaseException as error:
            raise InputError(f"`{key}` cannot be resolved: {str(error).splitlines()[0]}") from error
    return values
