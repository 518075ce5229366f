"""Finding the variants that a room holds: a new dataset, model or method is one file, and no list is edited."""

import importlib
import inspect
from functools import cache
from pathlib import Path
from typing import Any

from lmc_sweeps.common.checks import InputError
from multirun_analysis.common.registry import check_folders, extend_packages, modules, n_forgotten


def variants(room: str, base: Any) -> dict[str, Any]:
    """Return the named subclasses of `base` that the modules of a package define, by their `name`.

    Parameters
    ----------
    room : str
        The package, e.g. ``"lmc_sweeps.matching"``.
    base : type
        The class that every variant of the room extends; a class that sets `name` itself is a variant.

    Returns
    -------
    dict of str to type
        Sorted by name; those in a user's own folders (`lmc_sweeps.add_parts`) among them.

    Raises
    ------
    InputError
        If a folder of a user's is not there, a file in it cannot be imported, or a name in it is taken.
    """
    check_folders(InputError)
    extend_packages()
    return _variants(room, base, tuple(importlib.import_module(room).__path__), n_forgotten())


@cache
def _variants(room: str, base: Any, path: tuple[str, ...], n_forgotten: int) -> dict[str, Any]:
    """Return the same for the folders in which the package is looked for, its own first, while no module of it is forgotten."""
    classes: dict[str, Any] = {}
    others_last = sorted(modules(room, InputError).values(), key=lambda module: str(Path(str(module.__file__)).parent) != path[0])
    for module in others_last:  # so that it is a user's file that is refused
        for _, cls in inspect.getmembers(module, inspect.isclass):
            # The module first: Python 3.10 takes an alias such as dict[str, int] for a class, and its module is `builtins`.
            if cls.__module__ == module.__name__ and issubclass(cls, base) and "name" in vars(cls):
                name = vars(cls)["name"]
                if name in classes:
                    taken = ", ".join(sorted(classes))
                    raise InputError(f"{module.__file__} defines {name!r}, as {classes[name].__module__} does; names taken are {taken}.")
                classes[name] = cls
    return dict(sorted(classes.items()))
