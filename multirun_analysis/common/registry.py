"""The modules of a package that holds one part a file: those beside it, and those in folders of a user's own.

The environment variable `PARTS` names these folders, so that every process of a command, and the analysis, which does not import
lmc_sweeps, find the same parts. A user's module stands in the package of ours: ``models/residual.py`` is ``lmc_sweeps.models.residual``.
"""

import difflib
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Collection, Iterable
from pathlib import Path
from types import ModuleType

PARTS = "LMC_SWEEPS_PARTS"  # one or several folders, with os.pathsep between them
# The folders in a folder of parts, and the packages to which their modules belong.
PACKAGES = {
    **{name: f"lmc_sweeps.{name}" for name in ("datasets", "models", "matching", "transport", "repair", "loggers")},
    **{name: f"multirun_analysis.{name}" for name in ("plots", "studies", "stats")},
}
CONF = "conf"
# The groups of configs that have options, and what a sweep writes that looks like a config.
GROUPS = ("dataset", "experiment", "hydra", "logger", "matching", "model", "optimizer", "repair", "training")
OF_SWEEPS = ("multirun.yaml",)
_added: set[str] = set()  # entries of a package's __path__ that are not its own
_forgotten: list[str] = []  # modules that were imported from a folder which is no longer one of parts


def folders_of_parts() -> tuple[Path, ...]:
    """Return the folders that the environment names, each once, as absolute paths."""
    names = [name for name in os.environ.get(PARTS, "").split(os.pathsep) if name]
    return tuple(dict.fromkeys(Path(os.path.abspath(os.path.expanduser(name))) for name in names))


def conf_folders() -> list[Path]:
    """Return the folders of configs in the folders of parts."""
    return [folder / CONF for folder in folders_of_parts() if (folder / CONF).is_dir()]


def folder_of(file: str | Path) -> Path | None:
    """Return the folder of parts of which a file is a module; None for files of ours, and all others."""
    return next((folder for folder in folders_of_parts() for name in PACKAGES if Path(file).is_relative_to(folder / name)), None)


def check_folders(mistake: type[ValueError] = ValueError) -> None:
    """Raise `mistake` if a folder of parts is not there, or has nothing that a part could stand in."""
    rule = f"a folder with at least one of {', '.join(f'{name}/' for name in PACKAGES)} in it"
    for folder in folders_of_parts():
        if not folder.is_dir():
            raise mistake(f"`{PARTS}` and `add_parts` take {rule}; there is no folder {str(folder)!r}.{_relative(folder)}")
        if not any((folder / name).is_dir() for name in PACKAGES):
            names = sorted(path.name for path in folder.iterdir())
            meant = next((hint for name in names if (hint := _hint(name, PACKAGES))), "")
            raise mistake(f"`{PARTS}` and `add_parts` take {rule}; {str(folder)!r} has {', '.join(names[:10]) or 'nothing'}.{meant}")


def _relative(folder: Path) -> str:
    """Return a sentence on a folder that the environment names by a relative path; empty for an absolute one."""
    names = [name for name in os.environ.get(PARTS, "").split(os.pathsep) if name and not os.path.isabs(os.path.expanduser(name))]
    name = next((name for name in names if Path(os.path.abspath(name)) == folder), None)
    return "" if name is None else relative_to_here(name)


def relative_to_here(name: str | Path) -> str:
    """Return a sentence that says from where a relative path is taken."""
    return f" {str(name)!r} is taken from the folder in which the command runs, {str(Path.cwd())!r}."


def check_subfolders(mistake: type[ValueError] = ValueError) -> None:
    """Raise `mistake` if a folder of parts has Python files or configs in a folder whose name is nearly one in which they are looked for.

    Others may be there: tests, notebooks, sweeps, groups of configs of a user's own.
    """
    for folder in folders_of_parts():
        choices = (*PACKAGES, CONF)
        for path in _folders_with(folder, (".py", ".yaml")):
            if path.name not in choices and (meant := _hint(path.name, choices)):
                listed = ", ".join(f"{name}/" for name in choices)
                raise mistake(f"{str(path)!r} must be one of {listed}, got {f'{path.name}/'!r}.{meant}")
        for path in _folders_with(folder / CONF, (".yaml",)):
            if path.name not in GROUPS and (meant := _hint(path.name, GROUPS)):
                raise mistake(f"{str(path)!r} must be one of {', '.join(f'{name}/' for name in GROUPS)}, got {f'{path.name}/'!r}.{meant}")


def _folders_with(folder: Path, kinds: Collection[str]) -> list[Path]:
    """Return the folders of a folder in which files of some kinds lie, those of sweeps and hidden ones aside."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._") if folder.is_dir() else []
    return [path for path in folders if any(file.suffix in kinds and file.name not in OF_SWEEPS for file in path.iterdir())]


def _hint(name: str, choices: Iterable[str]) -> str:
    close = difflib.get_close_matches(name.lower(), list(choices), n=1, cutoff=0.75)
    return f" Did you mean {f'{close[0]}/'!r}?" if close else ""


def extend_packages() -> None:
    """Let Python look for the modules of our packages in the folders of parts too; nothing is imported."""
    folders = folders_of_parts()
    for name, package in PACKAGES.items():
        if package in sys.modules:
            path = sys.modules[package].__path__
            own = [entry for entry in path if entry not in _added]
            others = [str(folder / name) for folder in folders if (folder / name).is_dir()]
            others = [entry for entry in others if entry not in own]
            _added.update(others)
            gone = set(path) - {*own, *others}
            if own + others != list(path):
                path[:] = own + others
                importlib.invalidate_caches()
            for entry in gone:
                _forget_modules(package, entry)


def _forget_modules(package: str, entry: str) -> None:
    """Let a package no longer have the modules of a folder, so that one of the same name elsewhere, or mended, is imported as it is."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}.") and Path(getattr(module, "__file__", None) or "").is_relative_to(entry):
            del sys.modules[name]
            _forgotten.append(name)
            vars(sys.modules[package]).pop(name.rpartition(".")[2], None)


def n_forgotten() -> int:
    """Return how many modules were forgotten: what was made of a package's modules before counts only while this is the same."""
    return len(_forgotten)


def modules(package: str, mistake: type[ValueError] = ValueError) -> dict[str, ModuleType]:
    """Return the modules of a package by name, in the order of names, a user's own among them.

    Parameters
    ----------
    package : str
        E.g. ``"multirun_analysis.plots"``.
    mistake : type
        What is raised of a user's folder.

    Raises
    ------
    ValueError
        Or `mistake`: if a folder of parts cannot be one, a name in it is taken, or a file in it cannot be imported.
    """
    room = importlib.import_module(package)
    check_folders(mistake)
    check_subfolders(mistake)
    extend_packages()
    entries: dict[str, str] = {}
    for entry in room.__path__:
        names = [info.name for info in pkgutil.iter_modules([entry])]
        for name in names:
            if name in entries or (entry != room.__path__[0] and _is_attribute(room, name)):
                raise mistake(
                    f"{os.path.join(entry, name)}.py cannot be a part: {package} has a {name!r} already, in {entries.get(name, package)}; "
                    f"rename the file. Taken are {', '.join(sorted(entries))}."
                )
        entries |= dict.fromkeys(names, entry)
    return {name: _imported(room, name, entries[name], mistake) for name in sorted(entries)}


def _is_attribute(room: ModuleType, name: str) -> bool:
    """Return whether a package has a function, say, of a name, which a module of this name would replace."""
    return name in vars(room) and f"{room.__name__}.{name}" not in sys.modules


def _imported(room: ModuleType, name: str, entry: str, mistake: type[ValueError]) -> ModuleType:
    try:
        return importlib.import_module(f"{room.__name__}.{name}")
    except (Exception, SystemExit) as error:
        if entry == room.__path__[0]:
            raise
        raise mistake(f"{_failed_import(error, Path(entry) / name)}: {type(error).__name__}: {error}.") from error


def _failed_import(error: BaseException, file: Path) -> str:
    """Return which file of a folder of parts cannot be imported, and the last line in the folder that Python was at."""
    if isinstance(error, SyntaxError):
        return f"{error.filename} cannot be imported: line {error.lineno}"
    frame = _last_frame(error)
    return f"{file}.py cannot be imported" if frame is None else f"{frame.filename} cannot be imported: line {frame.lineno}, {frame.line!r}"


def failed_at(error: BaseException) -> str:
    """Return the last line in a folder of parts that Python was at when an error was raised, with its file; empty if it was at none."""
    frame = _last_frame(error)
    return "" if frame is None else f"{frame.filename}, line {frame.lineno}, {frame.line!r}"


def _last_frame(error: BaseException) -> traceback.FrameSummary | None:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if folder_of(frame.filename) is not None]
    return frames[-1] if frames else None
