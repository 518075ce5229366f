"""Parts of a user's own: a folder of datasets, models, matching methods, transports and configs, made choices like ours."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from lmc_sweeps import datasets, loggers, matching, models, repair, transport
from lmc_sweeps.common.checks import InputError, one_of, user_path
from multirun_analysis import checks
from multirun_analysis.common.registry import (
    PARTS,
    check_folders,
    check_subfolders,
    extend_packages,
    folders_of_parts,
    relative_to_here,
)

KINDS = {  # groups of configs, and the folders of their classes
    "dataset": "datasets",
    "model": "models",
    "matching": "matching",
    "repair": "repair",
    "logger": "loggers",
}
SEVERAL = {"matching": "methods", "repair": "repairs", "logger": "loggers"}  # groups of which several options may be chosen


def add_parts(folder: str | Path) -> None:
    """Make the parts in a folder of your own choices like those of lmc_sweeps, here and in all processes that this one starts.

    The folder has any of ``datasets/``, ``models/``, ``matching/``, ``transport/``, ``repair/``, ``loggers/`` (one Python file per part),
    ``plots/``, ``studies/``, ``stats/`` (for the analysis), and ``conf/`` with the configs in the groups of lmc_sweeps, e.g.
    ``conf/model/residual.yaml``. Its files are imported as modules of lmc_sweeps, e.g. ``lmc_sweeps.models.residual``.

    Commands without a script of your own find the same folder by the environment variable ``LMC_SWEEPS_PARTS``: one folder, or several
    with `os.pathsep` (``:``) between them.

    Parameters
    ----------
    folder : str or Path
        A relative one is taken from the folder in which the command runs. One that was added before is no mistake, and is not added twice.

    Raises
    ------
    InputError
        If the folder is not there, has none of these folders, or files in others; the name of a file or of a part is taken; a file cannot
        be imported; a class cannot be a part; or a part, a transport aside, has no YAML, or one with another name or other fields.
        Nothing is added then. (`lmc_sweeps.cli.main`, which takes the folder too, ends with the sentence alone.)
    """
    if not isinstance(folder, str | os.PathLike):
        raise InputError(f"`folder` of `add_parts` must be the path of a folder, got {folder!r}.")
    written = user_path("folder", Path(folder))
    path = Path(os.path.abspath(written))
    if os.pathsep in str(path):
        raise InputError(f"`folder` of `add_parts` must have no {os.pathsep!r} in its name, got {str(path)!r}.")
    before = os.environ.get(PARTS)
    os.environ[PARTS] = os.pathsep.join(map(str, dict.fromkeys([*folders_of_parts(), path])))
    try:
        check_parts()
    except (InputError, OSError) as error:
        if before is None:
            del os.environ[PARTS]
        else:
            os.environ[PARTS] = before
        extend_packages()
        sentence = str(error) if isinstance(error, InputError) else f"the folder of parts {str(path)!r} cannot be read: {error}."
        hint = "" if written.is_absolute() or path.is_dir() else relative_to_here(written)
        # The sentence alone: what raised it first would stand above it.
        raise InputError(f"{sentence}{hint}") from None


def check_parts() -> None:
    """Check the folders of parts that the environment names, and import what is in them, before anything is computed.

    Raises
    ------
    InputError
        As `add_parts` does.
    """
    if not folders_of_parts():
        return
    check_folders(InputError)
    check_subfolders(InputError)
    choices: dict[str, Mapping[str, type]] = {
        "dataset": datasets.choices(), "model": models.choices(), "matching": matching.choices(), "repair": repair.choices(),
        "logger": loggers.choices(),
    }  # fmt: skip
    transport.choices()
    if any((folder / name).is_dir() for folder in folders_of_parts() for name in ("plots", "studies")):
        from multirun_analysis import plots, studies  # imported late: they bring matplotlib and seaborn

        try:
            plots.choices()
            studies.choices()
        except checks.InputError as error:  # the analysis has a class of its own
            raise InputError(str(error)) from error
    for folder in folders_of_parts():
        _check_configs(folder, choices)


def _check_configs(folder: Path, choices: Mapping[str, Mapping[str, type]]) -> None:
    """Raise `InputError` if a part in a folder has no YAML that says what it is, or a YAML in it cannot be used."""
    from lmc_sweeps.sweeps.conf_folder import conf_dir  # imported late: OmegaConf is not needed to compare two networks

    for group, classes in choices.items():
        for name, kind in classes.items():
            file = folder / "conf" / group / f"{name}.yaml"
            if _is_in(kind, folder) and not file.is_file():
                keys = ", ".join(_keys(kind))
                raise InputError(f"the {group} {name!r} in {str(folder)!r} needs a config: write {file} with the keys {keys}.")
    for file in _configs(folder / "conf"):
        option = file.relative_to(folder / "conf")
        if (conf_dir() / option).is_file():
            taken = ", ".join(sorted(path.stem for path in (conf_dir() / option).parent.glob("*.yaml")))
            raise InputError(f"{file} cannot be used: lmc_sweeps has {option} itself; give it another name. Names taken are {taken}.")
        if option.parent.as_posix() in choices:
            _check_config(file, option.parent.as_posix(), choices[option.parent.as_posix()], folder)


def _check_config(file: Path, group: str, classes: Mapping[str, type], folder: Path) -> None:
    """Raise `InputError` if the YAML of a part has another name than the part, or other fields."""
    written = _read(file)
    package = f"# @package {group}.{file.stem}"
    if group in SEVERAL and not file.read_text(errors="replace").startswith(f"{package}\n"):
        raise InputError(f"{file} must have '{package}' as its first line: a job may have several {SEVERAL[group]}.")
    is_its_own = file.stem in classes and _is_in(classes[file.stem], folder)
    if written.get("name") == file.stem and file.stem not in classes:
        raise InputError(_without_part(file, group, classes, folder))
    name = one_of(f"{file}: name", written.get("name"), [file.stem] if is_its_own else classes)
    kind: Any = classes[name]
    keys = _keys(kind)
    for key in written:
        if key not in (*keys, "defaults"):
            rule = f"which is no field of the {group} {name!r}; its fields are {', '.join(keys)}"
            raise InputError(f"{file} has the key {key!r}, {rule}.{checks.nearest(key, keys)}")
    later = [field.name for field in fields(kind) if "later" in field.metadata]
    lacking = [key for key in keys if key not in (*written, *later)]
    if is_its_own and lacking:
        raise InputError(f"{file} must have every field of the {group} {name!r} with its default; it lacks {', '.join(lacking)}.")


def _without_part(file: Path, group: str, classes: Mapping[str, type], folder: Path) -> str:
    """Return the sentence on a YAML whose part no Python file defines."""
    module = folder / KINDS[group] / f"{file.stem}.py"
    lacking = f"{module} defines no class with `name: ClassVar[str] = {file.stem!r}`" if module.is_file() else f"there is no {module}"
    names = ", ".join(sorted(classes))
    return f"{file} is of a {group} called {file.stem!r}, and {lacking}. `name` must be one of {names}, or that of a class of yours."


def _read(file: Path) -> dict[str, Any]:
    from omegaconf import OmegaConf

    try:
        content = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    except Exception as error:  # of the YAML reader, of OmegaConf, of the disk
        raise InputError(f"{file} cannot be read: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{file} must be a mapping of a part's `name` and its fields, got {type(content).__name__}.")
    return {str(key): value for key, value in content.items()}


def _configs(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*.yaml") if path.is_file())


def _is_in(kind: type, folder: Path) -> bool:
    return Path(str(sys.modules[kind.__module__].__file__)).is_relative_to(folder)


def _keys(kind: Any) -> list[str]:
    return ["name", *(field.name for field in fields(kind))]
