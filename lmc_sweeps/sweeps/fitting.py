"""Keys that only some options have: a job whose option lacks one goes without it, so that a sweep may vary both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import CompactHydraException
from omegaconf import DictConfig, OmegaConf

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.sweeps.composing import JobComposer, parsed_once
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.config import SEVERAL, WITH_OPTIONS, parts

SETS = (OverrideType.CHANGE, OverrideType.ADD, OverrideType.FORCE_ADD)


@dataclass(frozen=True)
class _Fit:
    """The overrides that a job's options can take, the keys that were left out, those that it has, and its options in words."""

    job: list[str]
    left_out: list[str]
    keys: frozenset[str]
    chosen: str


def fitted(composer: JobComposer, jobs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the jobs of a sweep, each with the keys that its own dataset, model, optimizer and methods have.

    A key of another option is left out, and deleted where an experiment's file has set it; of jobs that are then equal,
    one remains.

    Raises
    ------
    InputError
        If none of the jobs has a key that is set.
    """
    kinds = parts()
    fits = [_fit(composer, job, kinds) for job in jobs]
    used = frozenset().union(*(fit.keys for fit in fits))
    for fit in fits:
        for key in fit.left_out:
            if key not in used:
                raise InputError(_sentence(key, sorted({other.chosen for other in fits if key in other.left_out})))
    return list({tuple(fit.job): fit.job for fit in fits}.values())


def is_optional(override: Override) -> bool:
    """Return whether an override sets a key inside an option of a group (a dataset, a method, a logger), which another one may lack."""
    part, _, field = override.key_or_group.partition(".")
    return bool(field) and override.type in SETS and override.package is None and part in (*WITH_OPTIONS, *SEVERAL)


def _fit(composer: JobComposer, job: Sequence[str], choices: Mapping[str, Mapping[str, type]]) -> _Fit:
    overrides = [parsed_once(text) for text in job]
    try:
        config = composer.chosen(job)
    except (CompactHydraException, InputError):  # reported where the whole job is composed
        return _Fit(list(job), [], frozenset(), "")
    typed = {override.key_or_group: override.value() for override in overrides if override.type in SETS}
    kinds = {part: _kind(part, config, typed, choices) for part in WITH_OPTIONS}
    has = {f"{part}.{field.name}" for part, kind in kinds.items() if kind is not None for field in fields(kind)}
    chosen = {group: _chosen(config, group) for group in SEVERAL}
    fitting: list[str] = []
    left_out: list[str] = []
    for text, override in zip(job, overrides, strict=True):
        key = override.key_or_group
        part, _, field = key.partition(".")
        if not is_optional(override) or (part in kinds and kinds[part] is None):
            fitting.append(text)
        elif part in chosen:
            is_chosen = field.partition(".")[0] in chosen[part] or override.type != OverrideType.CHANGE
            (fitting if is_chosen else left_out).append(text if is_chosen else key)
        elif key in has and override.type == OverrideType.CHANGE and field not in config[part]:
            fitting.append(f"++{text}")  # an option of the user's own, whose file does not write the field out
        elif key not in has and _names_with(key):
            left_out.append(key)
        else:
            fitting.append(text)
    strange = [key for key in _set_in_files(config, kinds, chosen, has) if key not in left_out]
    lacking = [part for part in kinds if any(key.startswith(f"{part}.") for key in (*left_out, *strange))]
    names = [" or ".join(_options_of(part, str(config[part].get("name")))) for part in lacking]
    for group, options in chosen.items():
        if any(key.startswith(f"{group}.") for key in (*left_out, *strange)):
            names.append(f"{group}=[{','.join(options)}]")
        has |= {f"{group}.{option}" for option in options}
        has |= {key for key in typed if key.startswith(f"{group}.") and key.split(".")[1] in options}
    return _Fit(fitting + [f"~{key}" for key in strange], left_out + strange, frozenset(has), ", ".join(names))


def _chosen(config: DictConfig, group: str) -> list[str]:
    """Return the keys of the methods, repairs or loggers of a job; a setting alone, of one that was not chosen, is none."""
    return [name for name, node in (config.get(group) or {}).items() if isinstance(node, DictConfig) and "name" in node]


def _kind(part: str, config: DictConfig, typed: Mapping[str, Any], choices: Mapping[str, Mapping[str, type]]) -> type | None:
    """Return the class of a job's dataset, model or optimizer; None if there is no such class, which is reported later."""
    name = typed.get(f"{part}.name", config[part].get("name") if isinstance(config.get(part), DictConfig) else None)
    return choices[part].get(name) if isinstance(name, str) else None


def _set_in_files(config: DictConfig, kinds: Mapping[str, type | None], chosen: Mapping[str, Sequence[str]], has: set[str]) -> list[str]:
    """Return the keys that an experiment's file has set, for options other than those chosen."""
    keys = [f"{part}.{field}" for part, kind in kinds.items() if kind is not None for field in config[part] if field != "name"]
    unchosen = [f"{group}.{name}" for group, options in chosen.items() for name in (config.get(group) or {}) if name not in options]
    return [key for key in keys if key not in has and _names_with(key)] + unchosen


def _names_with(key: str) -> list[str]:
    """Return the names of the parts that have a key."""
    part, _, field = key.partition(".")
    return sorted(name for name, kind in parts()[part].items() if field in {each.name for each in fields(kind)})


@cache
def _options_of(part: str, name: str) -> list[str]:
    """Return how a part is chosen on a command line: ``optimizer=sgd``; of one with variants, by each of them."""
    files = {file.stem: OmegaConf.load(file) for file in sorted((conf_dir() / part).glob("*.yaml"))}
    options = [option for option, config in files.items() if isinstance(config, DictConfig) and config.get("name") == name]
    return [f"{part}={option}" for option in options or [name]]


def _sentence(key: str, chosen: Sequence[str]) -> str:
    part, _, field = key.partition(".")
    if part in SEVERAL:
        option, kind = field.partition(".")[0], {"matching": "methods", "repair": "repairs", "logger": "loggers"}[part]
        return f"`{key}` is set, but {option} is not among the {kind} chosen ({'; '.join(chosen)})."
    having = ", ".join(option for name in _names_with(key) for option in _options_of(part, name))
    return f"`{key}` is a key of {having} only, and none of what was chosen has it ({'; '.join(chosen)})."
