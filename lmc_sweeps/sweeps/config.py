"""From a composed config to checked settings and loaded data: where Hydra's world ends and the core begins."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from lmc_sweeps import datasets, loggers, matching, models, repair
from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import Data, Dataset, fingerprint
from lmc_sweeps.datasets.checking import check_data
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.jobs.recorded import environment_key
from lmc_sweeps.jobs.settings import MEASURED, PARTS, JobSettings, scalar_keys
from lmc_sweeps.loggers.base import Logger
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.repair.base import Repair
from lmc_sweeps.sweeps.computed import computed_keys
from lmc_sweeps.sweeps.plain_config import PlainConfig, leaves
from lmc_sweeps.training.optimizers import OPTIMIZERS
from lmc_sweeps.training.recipe import Training

_INNERMOST = re.compile(r"\$\{([^${}]*)\}")  # an interpolation without another in it
_WORD = re.compile(r"\.*[A-Za-z_][\w.]*")  # that may be a key
SCALARS = scalar_keys()
SWITCHES = ("plan", "report")
LOGGER = "logger"
OF_COMMANDS = (*SWITCHES, LOGGER)  # not of a job: what a command does
SEVERAL = (*MEASURED, LOGGER)  # the groups of which several options can be chosen
WITH_OPTIONS = ("dataset", "model", "optimizer")  # the groups of which a job takes one option
KEYS = (*OF_COMMANDS, *SCALARS, *PARTS, *MEASURED, "store")


def parts() -> dict[str, Mapping[str, type]]:
    """Return the groups of which a job takes one option, each with the classes of its options."""
    return dict(zip(WITH_OPTIONS, (datasets.choices(), models.choices(), OPTIMIZERS), strict=True))


_prepared: ContextVar[PreparedJob | None] = ContextVar("_prepared", default=None)


@contextmanager
def prepared_as(job: PreparedJob) -> Iterator[None]:
    """Let the name of a config's job be that of a job which was made of the same config already."""
    before = _prepared.set(job)
    try:
        yield
    finally:
        _prepared.reset(before)


def name_of(config: DictConfig) -> str:
    """Return the name of the job that a config asks for.

    Raises
    ------
    InputError
        If the job cannot run.
    """
    return (_prepared.get() or prepare(config)).run_id


def prepare(config: DictConfig | Mapping[str, Any] | PlainConfig) -> PreparedJob:
    """Return the job that a composed config asks for, with everything checked that can be checked before training.

    Raises
    ------
    InputError
        Naming the key, the rule, the value and the choices.
    """
    plain = config if isinstance(config, PlainConfig) else PlainConfig.made_of(config)
    settings = _job_settings(plain)
    data, mark = load_data(settings.dataset)
    settings.check_against(data)
    return PreparedJob(settings, data, mark, computed_keys({key: value for key, value in plain.texts.items() if key in KEYS}))


@lru_cache(maxsize=4)
def load_data(dataset: Dataset) -> tuple[Data, str]:
    """Return a dataset and its fingerprint; loaded once per process for all jobs that share it."""
    try:
        data = check_data(dataset.name, dataset.load())
    except OSError as error:
        raise checks.InputError(f"dataset={dataset.name} could not be loaded: {error}.") from error
    except (MemoryError, OverflowError, ValueError) as error:
        if isinstance(error, ValueError) and "Maximum allowed" not in str(error):  # NumPy's word for what no memory can hold
            raise
        raise checks.InputError(f"`dataset` {dataset.name} does not fit in this machine's memory: {error}.") from error
    return data, fingerprint(data)


def job_settings(config: DictConfig | Mapping[str, Any]) -> JobSettings:
    """Return the settings that a composed config asks for; Hydra's own node, if it is there, is left aside.

    Raises
    ------
    InputError
        If a key is unknown or missing, or a value breaks a rule.
    """
    return _job_settings(PlainConfig.made_of(config))


def chosen_loggers(value: Any) -> tuple[Logger, ...]:
    """Return the loggers that the value of `logger`, as plain values, asks for.

    Raises
    ------
    InputError
        If a setting breaks a rule. (Whether their packages are installed is not asked here.)
    """
    return tuple(dict.fromkeys(_several(LOGGER, value, loggers.choices()).values()))


def _job_settings(config: PlainConfig) -> JobSettings:
    # the nodes of the groups are not there when nothing is chosen
    plain = {**dict.fromkeys(SEVERAL), "plan": False, "report": True, **config.values}
    checks.known_keys("", plain, KEYS)
    missing = [key for key in KEYS if key not in plain]
    if missing:
        raise checks.InputError(f"`{missing[0]}` is missing; a job needs {', '.join(KEYS[len(OF_COMMANDS) :])}.")
    for key in SWITCHES:
        checks.boolean(key, plain[key])
    chosen_loggers(plain[LOGGER])
    outside = {} if config.texts is config.values else from_environment(config.texts)
    methods = _several("matching", plain["matching"], matching.choices())
    repairs = _several("repair", plain["repair"], repair.choices())
    return JobSettings(
        **{key: plain[key] for key in SCALARS},
        **{key: _part(key, plain[key], choices) for key, choices in parts().items()},
        training=_fill(Training, "training", _mapping("training", plain["training"])),
        matching=tuple(dict.fromkeys(methods.values())),
        repair=tuple(dict.fromkeys(repairs.values())),
        store=_store(_mapping("store", plain["store"])),
        from_environment=tuple(sorted(_by_part(_by_part(outside, "matching", methods), "repair", repairs).items())),
    )


def from_environment(config: Any) -> dict[str, str]:
    """Return the keys whose values come from environment variables, directly or through other keys, with their interpolations as text."""
    texts = {key: text for key, text in leaves(config) if "${" in text and key.partition(".")[0] != "hydra"}
    outside: dict[str, str] = {}
    while more := {key: text for key, text in texts.items() if key not in outside and _is_from(text, outside)}:
        outside |= more
    return outside


def _by_part(outside: Mapping[str, str], group: str, parts: Mapping[str, Matching] | Mapping[str, Repair]) -> dict[str, str]:
    """Return the same with settings of methods, or of repairs, under what these are, in place of their keys in the config."""
    texts = dict(outside)
    for key, part in parts.items():
        start = f"{group}.{key}."
        for name in [name for name in texts if name.startswith(start)]:
            texts[f"{environment_key(part)}.{name.removeprefix(start)}"] = texts.pop(name)
    return texts


def _is_from(text: str, outside: Iterable[str]) -> bool:
    """Return whether an interpolation is of an environment variable, or may be of a key that is: a relative one says only how that ends."""
    return "oc.env" in text or any(_may_name(word, key) for word in _words(text) for key in outside)


def _words(text: str) -> list[str]:
    """Return what may be keys in the interpolations of a text, in arguments of resolvers too."""
    words: list[str] = []
    while (inner := _INNERMOST.search(text)) is not None:
        words += _WORD.findall(inner[1].replace("[", ".").replace("]", ""))
        text = f"{text[: inner.start()]} {text[inner.end() :]}"
    return words


def _may_name(word: str, key: str) -> bool:
    """Return whether a word may be a key, or a mapping that the key is in."""
    name = word.lstrip(".")
    return f"{key}.".startswith(f"{name}.") or (word[0] == "." and (key.endswith(name) or f".{name}." in key))


def _mapping(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise checks.InputError(f"`{key}` must be a mapping of settings, got {value!r}.")
    return dict(value)


def _part(key: str, value: Any, choices: Mapping[str, type]) -> Any:
    """Return a dataset, a model or an optimizer from its name and its settings."""
    settings = _mapping(key, value)
    name = checks.one_of(f"{key}.name", settings.pop("name", None), choices)
    return _fill(choices[name], key, settings)


def _fill(kind: type, key: str, settings: Mapping[str, Any]) -> Any:
    checks.known_keys(key, settings, [field.name for field in fields(kind)])
    return kind(**settings)


def _several(group: str, value: Any, choices: Mapping[str, type]) -> dict[str, Any]:
    """Return the parts of a group by their keys; a key of the mapping is free, so that one part can stand there with two settings."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise checks.InputError(f"`{group}` must be one or several of {', '.join(choices)}, got {value!r}.")
    return {str(key): _part(f"{group}.{key}", settings, choices) for key, settings in value.items()}


def _store(settings: Mapping[str, Any]) -> Path | None:
    checks.known_keys("store", settings, ["dir"])
    folder = settings.get("dir")
    if folder is None:
        return None
    if not isinstance(folder, str) or not folder:
        raise checks.InputError(f"`store.dir` must be a folder, or null to keep no networks, got {folder!r}.")
    path = checks.user_path("store.dir", folder)
    if path.exists() and not path.is_dir():
        raise checks.InputError(f"`store.dir` must be a folder, or null to keep no networks, got {folder!r}, which is a file.")
    return path
