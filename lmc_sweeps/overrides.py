"""What was typed, checked before Hydra composes it: unknown keys and options get the choices and the nearest of them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from lmc_sweeps import checks


def check_overrides(overrides: Sequence[str], folders: Sequence[Path]) -> None:
    """Raise `InputError` if an override names a key or an option that the configs in `folders` do not have.

    Overrides of Hydra's own keys, and deletions, are left to Hydra.
    """
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException as error:
            raise checks.InputError(f"{text!r} cannot be read; overrides are written KEY=VALUE, e.g. width=64 or width=8,16 -m.") from error
        key = override.key_or_group
        if not (key == "hydra" or key.startswith(("hydra.", "hydra/")) or override.is_delete()):
            _check(override, folders)


def searched_folders(overrides: Sequence[str]) -> list[Path]:
    """Return the folders of configs that overrides of ``hydra.searchpath`` name, as ``file://FOLDER`` or plain."""
    found = []
    for text in overrides:
        if text.lstrip("+").startswith("hydra.searchpath="):
            found += [Path(str(place).removeprefix("file://")) for place in _values(OverridesParser.create().parse_override(text).value())]
    return [folder for folder in found if folder.is_dir()]


def asks_for_plan(overrides: Sequence[str]) -> bool:
    """Return whether ``plan=true`` is among the overrides, in whichever way it is written."""
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException:
            continue
        if override.key_or_group == "plan" and override.value() is True:
            return True
    return False


def merge_matching(overrides: Sequence[str]) -> list[str]:
    """Return the overrides with a sweep over `matching` made one list: ``matching=a,b`` means ``matching=[a,b]``.

    A job's networks do not depend on how they are matched, so the methods belong to one job, on the same networks.
    """
    merged = []
    for text in overrides:
        override = OverridesParser.create().parse_override(text)
        if override.key_or_group == "matching" and override.is_choice_sweep():
            text = f"{text.partition('=')[0]}=[{','.join(str(name) for name in _values(override.value()))}]"
        merged.append(text)
    return merged


def swept_keys(overrides: Sequence[Override]) -> list[str]:
    """Return the keys that take several values, in order; all keys where none does."""
    swept = [override.get_key_element() for override in overrides if override.is_sweep_override()]
    return swept or [override.get_key_element() for override in overrides]


def _check(override: Override, folders: Sequence[Path]) -> None:
    groups = sorted({path.name for folder in folders for path in folder.iterdir() if path.is_dir() and path.name != "hydra"})
    top = _fields([folder / "config.yaml" for folder in folders])
    key = override.key_or_group
    if key in groups:
        options = _options(folders, key)
        for value in _values(override.value()):
            if not (value is None and key == "experiment"):  # the only group that can be left out
                checks.one_of(key, value, options)
        return
    head, _, rest = key.partition(".")
    # experiment is a group without settings; a key under + is new to Hydra, so Hydra takes any: it is checked here
    checks.known_keys("", [head], [*top, *groups])
    if not rest:
        return
    if head == "matching":
        method, _, rest = rest.partition(".")
        if not override.is_add():
            checks.one_of("matching", method, _options(folders, "matching"))
        files = [folder / "matching" / f"{method}.yaml" for folder in folders]
        known = _fields(files)
        head = f"matching.{method}"
    elif head in groups:
        known = _fields([path for folder in folders for path in sorted((folder / head).glob("*.yaml"))])
    else:
        known = _fields([folder / "config.yaml" for folder in folders], head)
    if known and rest:
        checks.known_keys(head, [rest], known)


def _options(folders: Sequence[Path], group: str) -> list[str]:
    return sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})


def _fields(files: Sequence[Path], key: str | None = None) -> list[str]:
    """Return the keys of YAML files, or of the mapping under `key` in them."""
    found: dict[str, None] = {}
    for path in files:
        if path.is_file():
            content = OmegaConf.to_container(OmegaConf.load(path))
            part = content.get(key) if isinstance(content, dict) and key is not None else content
            found |= dict.fromkeys(str(name) for name in part if name not in ("defaults", "hydra")) if isinstance(part, dict) else {}
    return list(found)


def _values(value: Any) -> Iterator[Any]:
    """Yield the single values of an override: of a choice sweep, of a list, or the value itself; globs match by themselves."""
    if isinstance(value, ChoiceSweep):
        for item in value.list:
            yield from _values(item)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
    elif not isinstance(value, Glob):
        yield value if value is None else re.sub(r"^(['\"])(.*)\1$", r"\2", str(value))
