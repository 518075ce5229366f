"""Composing the jobs of a sweep: Hydra's own composition once per choice of groups, plain values set on copies of it.

Hydra composes a job in about 60 ms, nearly all of it the search for group options, which is the same for most jobs of a sweep.
Running a job, Hydra copies its config four times over; ours are copied in a twentieth of the time that OmegaConf takes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import CompactHydraException
from omegaconf import DictConfig, Node, OmegaConf, open_dict, read_write

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.jobs.prepared import PreparedJob
from lmc_sweeps.sweeps.config import prepare
from lmc_sweeps.sweeps.plain_config import PlainConfig

OF_JOBS = ("overrides.", "runtime.", "job.", "job_logging.", "verbose.", "output_subdir.", "help.", "hydra_help.")  # in Hydra's node


@lru_cache(maxsize=4096)  # a sweep repeats the same few overrides in all its jobs
def parsed_once(text: str) -> Override:
    """Return an override parsed."""
    return _parser().parse_override(text)


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()


def composed(compose: Callable[[], DictConfig]) -> DictConfig:
    """Return the config that `compose` returns. Errors that Hydra does not report itself come from the user's files.

    Raises
    ------
    InputError
        If a file is not YAML, for example.
    """
    try:
        return compose()
    except CompactHydraException:
        raise
    except Exception as error:
        raise InputError(f"the configs cannot be composed: {type(error).__name__}: {error}.") from error


class QuickConfig(DictConfig):
    """A config of which a deep copy is made quickly."""

    @classmethod
    def made_of(cls, config: DictConfig) -> "QuickConfig":
        """Return a copy of a config which, with Hydra's node in it, is copied quickly from then on."""
        quick = cls(config)
        if "hydra" in quick:
            with read_write(quick), open_dict(quick):
                quick["hydra"] = cls(quick["hydra"])
        return quick

    def __deepcopy__(self, memo: dict[int, Any]) -> "QuickConfig":
        copied: QuickConfig = copied_node(self, self._get_parent())
        memo[id(self)] = copied
        return copied


def copied_node(node: Any, parent: Any) -> Any:
    """Return a deep copy of a part of a config, inside a parent. Values are shared: only the parts that hold them can change."""
    copied, metadata = object.__new__(type(node)), object.__new__(type(node._metadata))
    vars(metadata).update(vars(node._metadata))
    if metadata.flags is not None:
        metadata.flags = dict(metadata.flags)
    metadata.resolver_cache = defaultdict(dict, {name: dict(values) for name, values in metadata.resolver_cache.items()})
    vars(copied).update(vars(node), _metadata=metadata, _parent=parent, _flags_cache=None)
    content = vars(node).get("_content")
    if isinstance(content, dict):
        vars(copied)["_content"] = {key: copied_node(value, copied) for key, value in content.items()}
    elif isinstance(content, list):
        vars(copied)["_content"] = [copied_node(value, copied) for value in content]
    elif isinstance(content, Node):
        vars(copied)["_content"] = copied_node(content, copied)
    return copied


@dataclass
class JobComposer:
    """Composes the jobs of one sweep, from its master config."""

    loader: ConfigLoader
    master: DictConfig
    _bases: dict[tuple[str, ...], DictConfig] = field(default_factory=dict)
    _chosen: dict[tuple[str, ...], DictConfig] = field(default_factory=dict)
    _plain: dict[tuple[str, ...], PlainConfig | None] = field(default_factory=dict)
    _prepared: dict[tuple[str, ...], PreparedJob] = field(default_factory=dict)
    _groups: dict[str, bool] = field(default_factory=dict)
    _late: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    @classmethod
    def of_one(cls, loader: ConfigLoader, master: DictConfig, job: Sequence[str]) -> "JobComposer":
        """Return the composer of a job alone, with all of whose overrides the master config has been composed: it is not composed again."""
        composer = cls(loader, master)
        composer._bases[composer._sorted(job)[0]] = master
        return composer

    def full(self, job: Sequence[str]) -> DictConfig:
        """Return what ``load_sweep_config`` returns for the overrides of a job."""
        structural, plain = self._sorted(job)
        config: DictConfig = copied_node(self._base(structural), None)
        ConfigLoaderImpl._apply_overrides_to_config(plain, config)
        overrides = [override for override in map(parsed_once, job) if not override.is_hydra_override()]
        names = config.hydra.job.config.override_dirname
        with open_dict(config.hydra):
            config.hydra.overrides.task = [override.input_line for override in overrides]
            config.hydra.job.override_dirname = get_overrides_dirname(
                overrides=overrides, kv_sep=names.kv_sep, item_sep=names.item_sep, exclude_keys=names.exclude_keys
            )
        OmegaConf.copy_cache(from_config=self.master, to_config=config)
        return config

    def without_hydra(self, job: Sequence[str]) -> DictConfig:
        """Return the same without Hydra's node: what a job's settings are made of."""
        config: DictConfig = copied_node(self.chosen(job), None)
        ConfigLoaderImpl._apply_overrides_to_config(self._sorted(job)[1], config)
        return config

    def chosen(self, job: Sequence[str]) -> DictConfig:
        """Return the config of the options that a job chooses, before its plain values are set: to be read, by all jobs that choose so."""
        structural, _ = self._sorted(job)
        if structural not in self._chosen:
            base: DictConfig = copied_node(self._base(structural), None)
            with open_dict(base):
                del base["hydra"]
            self._chosen[structural] = base
        return self._chosen[structural]

    def plain(self, job: Sequence[str]) -> PlainConfig:
        """Return what `without_hydra` returns as plain values, where it can be without a config of the job's own.

        Raises
        ------
        InputError
            If a value cannot be resolved.
        """
        structural, plain = self._sorted(job)
        if structural not in self._plain:
            try:
                self._plain[structural] = PlainConfig.made_of(self.chosen(job))
            except InputError:  # of a value that the job sets
                self._plain[structural] = None
        base = self._plain[structural]
        changed = None if base is None else base.with_values({override.key_or_group: override.value() for override in plain})
        return PlainConfig.made_of(self.without_hydra(job)) if changed is None else changed

    def too_late(self, job: Sequence[str]) -> list[str]:
        """Return the keys of Hydra's own node that the options of a job set to other values than the sweep started with."""
        structural, _ = self._sorted(job)
        if structural not in self._late:
            configs = (self._base(structural), self.master)
            of_job, of_sweep = (dict(_leaves("hydra", OmegaConf.to_container(config.hydra, resolve=False))) for config in configs)
            of_jobs = tuple(f"hydra.{key}" for key in OF_JOBS)
            differing = [
                key for key in {**of_sweep, **of_job} if of_sweep.get(key) != of_job.get(key) and not f"{key}.".startswith(of_jobs)
            ]
            self._late[structural] = sorted({".".join(key.split(".")[:3]) for key in differing})
        return self._late[structural]

    def prepare(self, job: Sequence[str]) -> PreparedJob:
        """Return a job checked, with its data; once for the sweeper, which checks it, and the launcher, which runs it.

        Raises
        ------
        InputError
            If the job cannot run.
        """
        key = tuple(job)
        if key not in self._prepared:
            self._prepared[key] = prepare(self.plain(job))
        return self._prepared[key]

    def _base(self, structural: tuple[str, ...]) -> DictConfig:
        if structural not in self._bases:
            base = composed(lambda: self.loader.load_sweep_config(self.master, list(structural)))
            self._bases[structural] = QuickConfig.made_of(base)
        return self._bases[structural]

    def _is_group(self, key: str) -> bool:
        if key not in self._groups:
            self._groups[key] = bool(self.loader.get_group_options(key))
        return self._groups[key]

    def _sorted(self, job: Sequence[str]) -> tuple[tuple[str, ...], list[Override]]:
        """Return the overrides that change what is composed, as text, and those that set an existing value."""
        structural, plain = [], []
        for text in job:
            override = parsed_once(text)
            key = override.key_or_group
            is_value = override.type == OverrideType.CHANGE and override.package is None and not isinstance(override.value(), dict)
            if is_value and not self._is_group(key) and not override.is_hydra_override() and "/" not in key:
                plain.append(override)
            else:
                structural.append(text)
        return tuple(structural), plain


def _leaves(key: str, node: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values inside a mapping under their dotted keys; a mapping without any is a value."""
    if isinstance(node, dict) and node:
        for name, value in node.items():
            yield from _leaves(f"{key}.{name}", value)
    else:
        yield key, node
