"""Finding the parts of a package, such as figures and studies: a new one is a file, and no list is edited."""

import importlib
import pkgutil
from types import ModuleType


def modules(package: str) -> dict[str, ModuleType]:
    """Return the modules of a package by name, in the order of their names, wherever its ``__path__`` finds them.

    Parameters
    ----------
    package : str
        The package, e.g. ``"multirun_analysis.plots"``.
    """
    folders = importlib.import_module(package).__path__
    return {name: importlib.import_module(f"{package}.{name}") for name in sorted(info.name for info in pkgutil.iter_modules(folders))}
