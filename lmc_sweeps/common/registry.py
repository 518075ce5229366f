"""Finding the variants that a room holds: a new dataset, model or method is one file, and no list is edited."""

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any


@cache
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
        Sorted by name.
    """
    by_name: dict[str, Any] = {}
    for info in pkgutil.iter_modules(importlib.import_module(room).__path__):
        module = importlib.import_module(f"{room}.{info.name}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            # The module first: Python 3.10 takes an alias such as dict[str, int] for a class, and its module is `builtins`.
            if cls.__module__ == module.__name__ and issubclass(cls, base) and "name" in vars(cls):
                name = vars(cls)["name"]
                if name in by_name:
                    raise RuntimeError(f"{cls.__module__} and {by_name[name].__module__} both define {name!r}.")
                by_name[name] = cls
    return dict(sorted(by_name.items()))
