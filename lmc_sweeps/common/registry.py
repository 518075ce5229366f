"""Finding the variants that a room holds: a new dataset, model or method is one file, and no list is edited."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.identity import code_of
from multirun_analysis.common.registry import check_folders, extend_packages, folder_of, modules, n_forgotten
from multirun_analysis.schema import CODE

Rule = Callable[[Any], str | None]  # from a class to what is wrong with it


def variants(room: str, base: Any, rule: Rule = lambda kind: None) -> dict[str, Any]:
    """Return the named subclasses of `base` that the modules of a package define, by their `name`.

    Parameters
    ----------
    room : str
        The package, e.g. ``"lmc_sweeps.matching"``.
    base : type
        The class that every variant of the room extends; a class that sets `name` itself is a variant.
    rule : callable, optional
        From a class in a user's folder to a sentence on what is wrong with it, None if nothing is: what holds for this room only.

    Returns
    -------
    dict of str to type
        Sorted by name; those in a user's own folders (`lmc_sweeps.add_parts`) among them.

    Raises
    ------
    InputError
        If a folder of a user's is not there, a file in it cannot be imported, a name in it is taken, or a class in it breaks a rule.
    """
    check_folders(InputError)
    extend_packages()
    return _variants(room, base, rule, tuple(importlib.import_module(room).__path__), n_forgotten())


@cache
def _variants(room: str, base: Any, rule: Rule, path: tuple[str, ...], n_forgotten: int) -> dict[str, Any]:
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
                if folder_of(str(module.__file__)) is not None:
                    _check_class(cls, str(module.__file__), rule)
                classes[name] = cls
    return dict(sorted(classes.items()))


def _check_class(cls: Any, file: str, rule: Rule) -> None:
    """Raise `InputError` if the class of a user's part could not be made, or breaks a rule; its code is read as it was imported."""
    code_of(cls)
    wrong = _wrong_with(cls) or rule(cls)
    if wrong is not None:
        raise InputError(f"{file}: the class {cls.__name__} {wrong}.")


def _wrong_with(cls: Any) -> str | None:
    """Return what keeps a class from being a part; None if nothing does."""
    if not isinstance(cls.name, str):
        return f"must have a `name` that is a word, got {cls.name!r}"
    if abstract := sorted(getattr(cls, "__abstractmethods__", ())):
        return f"must define {', '.join(f'`{method}`' for method in abstract)}: every {cls.__base__.__name__} needs {_them(abstract)}"
    settings = fields(cls) if is_dataclass(cls) else ()
    for field in settings:
        if field.name == "name":
            return f"must have its `name` as `name: ClassVar[str] = {cls.name!r}`: it is no setting"
        if field.name == CODE:
            return f"must not have a setting called `{CODE}`, which stands for the digest of its file; give it another name"
        if field.default is MISSING and field.default_factory is MISSING:
            return f"must have a default for every setting, and `{field.name}` has none: write `{field.name}: {_type(field)} = DEFAULT`"
    return None


def _them(methods: list[str]) -> str:
    return "it" if len(methods) == 1 else "them"


def _type(field: Field[Any]) -> str:
    return field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)
