"""A command line, checked and made ready for Hydra: mistakes are reported before Hydra makes a folder."""

import argparse
import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_automatic_config_search_path, run_and_report
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import CompactHydraException
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from lmc_sweeps.common.checks import InputError, user_path, writable_folder
from lmc_sweeps.common.files import clear_of_pipes
from lmc_sweeps.common.interruption import Interruption
from lmc_sweeps.jobs.estimates import check_all_fit
from lmc_sweeps.jobs.records import check_same_job, read_record
from lmc_sweeps.sweeps.composing import JobComposer, composed, parsed_once
from lmc_sweeps.sweeps.conf_folder import conf_dir
from lmc_sweeps.sweeps.config import LOGGER
from lmc_sweeps.sweeps.fitting import fitted, is_optional
from lmc_sweeps.sweeps.overrides import asks_for_plan, check_overrides, plain_folder, quoted, searched_folders
from lmc_sweeps.sweeps.result_logging import ready_loggers
from lmc_sweeps.sweeps.saved_configs import saved_by_us
from multirun_analysis.common.registry import conf_folders

CONFIG = "config"  # conf/config.yaml
# Of sweeps: one job would ignore them.
OF_SWEEPS = ("hydra.sweep", "hydra.sweeper", "hydra/sweeper", "hydra.launcher", "hydra/launcher")


class CachingConfigLoader(ConfigLoaderImpl):
    """Hydra's loader, which copies what it has composed before, and reads each file once, in however many compositions of a command."""

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self._composed: dict[tuple[str | None, tuple[str, ...]], DictConfig] = {}
        self._files: dict[tuple[str, ...], dict[str, ConfigResult | None]] = {}

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        if run_mode != RunMode.MULTIRUN:  # the jobs of a sweep: many, and each is composed once
            return super().load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)
        key = (config_name, tuple(overrides))
        if key not in self._composed:
            self._composed[key] = super().load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)
            return self._composed[key]
        if validate_sweep_overrides:
            self.validate_sweep_overrides_legal([parsed_once(text) for text in overrides], run_mode, from_shell)
        return deepcopy(self._composed[key])

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        parsed, repository = super()._parse_overrides_and_create_caching_repo(config_name, overrides)
        sources = tuple(source.full_path() for source in repository.get_sources())
        repository.cache = self._files.setdefault(sources, repository.cache)
        return parsed, repository

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_composed": {}, "_files": {}}  # tasks in other processes compose jobs, not sweeps


def hand_over(command: argparse.Namespace, loader: CachingConfigLoader, job: Callable[[DictConfig], None]) -> None:
    """Let Hydra run the command. Hydra's own main does the same, but composes everything once more to learn whether it is a sweep."""
    hydra = Hydra(task_name="lmc_sweeps", config_loader=loader)
    GlobalHydra.instance().initialize(hydra)
    try:
        begin = hydra.multirun if command.multirun else hydra.run
        with saved_by_us():
            run_and_report(lambda: begin(config_name=CONFIG, task_function=job, overrides=command.overrides))
    finally:
        GlobalHydra.instance().clear()


def make_ready(command: argparse.Namespace) -> CachingConfigLoader:
    """Check all that can be checked before Hydra begins, write the overrides as Hydra takes them, and return their loader.

    A job alone is checked completely. The jobs of a sweep are checked by the sweeper; keys that only some options have wait here until
    the options of each job are known.

    Raises
    ------
    InputError
        If anything cannot run.
    """
    with Interruption():  # inside OmegaConf an interrupt would turn into another error
        if command.config_dir is not None and not Path(command.config_dir).is_dir():
            raise InputError(f"`--config-dir` must be a folder, got {command.config_dir!r}.")
        extra = [] if command.config_dir is None else [Path(command.config_dir)]
        # experiment=null is how it stands, and Hydra does not take a null
        command.overrides = [plain_folder(text) for text in command.overrides if text != "experiment=null"]
        folders = [*extra, *searched_folders(command.overrides)]
        check_overrides(command.overrides, [conf_dir(), *conf_folders(), *folders])
        loader = _loader(command.config_dir)
        if command.run and command.multirun:
            raise InputError("`--run` is for one job and `--multirun` for a sweep: type one of them.")
        if command.multirun and "hydra.mode=RUN" in command.overrides:
            raise InputError("`hydra.mode=RUN` is for one job and -m for a sweep: type one of them.")
        if command.multirun:
            command.overrides.append("hydra.mode=MULTIRUN")
        chosen = [text for text in command.overrides if not is_optional(parsed_once(text))]
        try:
            master = composed(lambda: loader.load_configuration(CONFIG, chosen, RunMode.MULTIRUN, validate_sweep_overrides=False))
        except CompactHydraException:
            return loader  # Hydra will compose the same and report the error itself
        is_sweep = command.multirun or master.hydra.mode == RunMode.MULTIRUN
        is_plan = asks_for_plan(command.overrides)
        _check_hydra_settings(master, command.overrides, is_sweep, is_plan)
        command.overrides += _homes(master)
        command.multirun = is_sweep or is_plan  # the sweeper is where plans are made, for one job too
        if is_sweep:
            command.overrides = [_deferred(text, master) for text in command.overrides]
        elif several := [text for text in command.overrides if parsed_once(text).is_sweep_override()]:
            if not is_plan:
                raise InputError(f"{several[0]} has several values, and one job takes one: add -m for a sweep over them.")
        else:
            command.overrides = _checked_alone(loader, master, command.overrides)
            if is_plan:
                command.overrides.append("hydra.sweeper.alone=true")
        if master.hydra.mode is None:
            command.overrides.append(f"hydra.mode={'MULTIRUN' if command.multirun else 'RUN'}")
        return loader


def _loader(config_dir: str | None) -> CachingConfigLoader:
    """Return the loader of configs in our folder and, before it, a user's own."""
    path = create_automatic_config_search_path(None, None, str(conf_dir()))
    if config_dir is not None:
        path.prepend(provider="command-line", path=f"file://{os.path.abspath(config_dir)}", anchor=SearchPathQuery(provider="schema"))
    return CachingConfigLoader(path)


def _check_hydra_settings(master: DictConfig, overrides: Sequence[str], is_sweep: bool, is_plan: bool) -> None:
    """Raise `InputError` for settings of Hydra's that would be ignored, or would separate a job from its folder."""
    keys = [parsed_once(text).key_or_group for text in overrides]
    sweeper = master.hydra.runtime.choices["hydra/sweeper"]
    if is_plan and sweeper != "lmc":  # another sweeper would ignore it, and train
        raise InputError(f"`plan=true` is done by hydra/sweeper=lmc, got {sweeper}.")
    if is_sweep and sweeper != "lmc" and set(master.get(LOGGER) or {}) - {"none"}:
        raise InputError(f"`{LOGGER}` in a sweep is done by hydra/sweeper=lmc, got {sweeper}.")
    if master.hydra.job.chdir:
        raise InputError(
            "`hydra.job.chdir` must be false, got true: folders such as dataset.root are relative to the folder where it is run."
        )
    if is_sweep and "hydra.run.dir" in keys:
        raise InputError("`hydra.run.dir` is the folder of one job; that of a sweep is named by hydra.sweep.dir=DIR.")
    unused = [key for key in keys if key.startswith(OF_SWEEPS)]
    if not is_sweep and unused:
        instead = "; the folder of one job is named by hydra.run.dir=DIR" if unused[0] == "hydra.sweep.dir" else ""
        raise InputError(f"`{unused[0]}` is for sweeps, and this is one job: add -m{instead}.")
    params = master.hydra.sweeper.get("params")
    if not is_sweep and params:
        raise InputError(f"`hydra.sweeper.params` ({', '.join(params)}) is for sweeps, and this is one job: add -m.")


def _homes(master: DictConfig) -> list[str]:
    """Return overrides that put a home in place of the ``~`` with which a folder in a config file begins."""
    names = {key: OmegaConf.to_container(master.hydra[key], resolve=False)["dir"] for key in ("run", "sweep")}  # type: ignore[call-overload, index]
    for key, name in names.items():
        if not isinstance(name, str) or not name:
            raise InputError(f"`hydra.{key}.dir` must be a folder, got {name!r}.")
    keys = {f"hydra.{key}.dir": name for key, name in names.items() if name.startswith("~")}
    return [f"{key}={quoted(str(user_path(key, name)))}" for key, name in keys.items()]


def _deferred(text: str, master: DictConfig) -> str:
    """Return an override as a sweep over its one value, if the options chosen so far lack its key: sweeps are set job by job."""
    override = parsed_once(text)
    if not is_optional(override) or override.is_sweep_override():
        return text
    parent, _, field = override.key_or_group.rpartition(".")
    node = OmegaConf.select(master, parent)
    if OmegaConf.is_dict(node) and field in node:
        return text
    key, _, value = text.partition("=")
    return f"{key}=choice({value.strip() or quoted('')})"


def _checked_alone(loader: CachingConfigLoader, master: DictConfig, overrides: Sequence[str]) -> list[str]:
    """Return the overrides of a job alone after checking that it can run, its folder too."""
    hydra_overrides = [text for text in overrides if parsed_once(text).is_hydra_override()]
    typed = [text for text in overrides if text not in hydra_overrides]
    composer = JobComposer.of_one(loader, master, typed) if _is_composed(typed) else JobComposer(loader, master)
    (job,) = fitted(composer, [typed])
    try:
        prepared = composer.prepare(job)
        check_all_fit([prepared])
        ready_loggers(composer.without_hydra(job))
    except CompactHydraException:
        return list(overrides)  # Hydra will compose the same and report the error itself
    folder = OmegaConf.to_container(master.hydra.run, resolve=False)["dir"]  # type: ignore[call-overload, index]
    writable_folder("hydra.run.dir", str(folder).partition("${")[0] or ".")
    if "${" not in str(folder):  # a folder of the user's own, which may hold something already
        job_folder = user_path("hydra.run.dir", str(folder))
        if job_folder.name != prepared.run_id:
            check_same_job(job_folder, read_record(job_folder), prepared.run_id)
        clear_of_pipes(job_folder / str(master.hydra.output_subdir))
    return [*hydra_overrides, *job]


def _is_composed(typed: Sequence[str]) -> bool:
    """Return whether the master config of a job alone has all that was typed: no key waits for its option, none is inside another one."""
    keys = [parsed_once(text).key_or_group for text in typed]
    is_inside = any(key.startswith(f"{other}.") for key in keys for other in keys)
    return not is_inside and not any(is_optional(parsed_once(text)) for text in typed)
