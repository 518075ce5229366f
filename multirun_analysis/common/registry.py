"""The modules of a package that holds one part a file: those beside it, and those in folders of a user's own.

The environment variable `PARTS` names these folders, so that every process of a command, and the analysis, which does not import
lmc_sweeps, find the same parts. A user's module stands in the package of ours: ``models/residual.py`` is ``lmc_sweeps.models.residual``.
"""

import importlib
import os
import pkgutil
import sys
import traceback
from pathlib import Path
from types import ModuleType

PARTS = "LMC_SWEEPS_PARTS"  # one or several folders, with os.pathsep between them
# The folders in a folder of parts, and the packages to which their modules belong.
PACKAGES = {
    **{name: f"lmc_sweeps.{name}" for name in ("datasets", "models", "matching", "transport")},
    **{name: f"multirun_analysis.{name}" for name in ("plots", "studies", "stats")},
}
_added: set[str] = set()  # entries of a package's __path__ that are not its own
_forgotten: list[str] = []  # modules that were imported from a folder which is no longer one of parts


def folders_of_parts() -> tuple[Path, ...]:
    """Return the folders that the environment names, each once, as absolute paths."""
    names = [name for name in os.environ.get(PARTS, "").split(os.pathsep) if name]
    return tuple(dict.fromkeys(Path(os.path.abspath(os.path.expanduser(name))) for name in names))


def conf_folders() -> list[Path]:
    """Return the folders of configs in the folders of parts."""
    return [folder / "conf" for folder in folders_of_parts() if (folder / "conf").is_dir()]


def check_folders(mistake: type[ValueError] = ValueError) -> None:
    """Raise `mistake` if a folder of parts is not there, or has nothing that a part could stand in."""
    rule = f"a folder with at least one of {', '.join(f'{name}/' for name in PACKAGES)} in it"
    for folder in folders_of_parts():
        if not folder.is_dir():
            raise mistake(f"`{PARTS}` and `add_parts` take {rule}; there is no folder {str(folder)!r}.")
        if not any((folder / name).is_dir() for name in PACKAGES):
            names = sorted(path.name for path in folder.iterdir())
            raise mistake(f"`{PARTS}` and `add_parts` take {rule}; {str(folder)!r} has {', '.join(names[:10]) or 'nothing'}.")


def extend_packages() -> None:
    """Let Python look for the modules of our packages in the folders of parts too; nothing is imported."""
    for name, package in PACKAGES.items():
        if package in sys.modules:
            path = sys.modules[package].__path__
            own = [entry for entry in path if entry not in _added]
            others = [str(folder / name) for folder in folders_of_parts() if (folder / name).is_dir()]
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
        raise mistake(f"{_line(error, Path(entry).parent, Path(entry) / name)}: {type(error).__name__}: {error}.") from error


def _line(error: BaseException, folder: Path, file: Path) -> str:
    """Return which file of a folder of parts cannot be imported, and the last line in the folder that Python was at."""
    if isinstance(error, SyntaxError):
        return f"{error.filename} cannot be imported: line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    if not frames:
        return f"{file}.py cannot be imported"
    return f"{frames[-1].filename} cannot be imported: line {frames[-1].lineno}, {frames[-1].line!r}"
