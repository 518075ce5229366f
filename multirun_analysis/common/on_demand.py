"""Names of a package that are imported when they are first asked for: whoever asks for none does not wait for what they need."""

import importlib
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any


class OnDemand(ModuleType):
    """A package some of whose names are on demand; where a module below it has such a name, the name stays that of what was promised."""

    _homes: Mapping[str, str]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self).get("_homes", {}) and isinstance(value, ModuleType):
            return  # the import system sets every module below a package, lmc_sweeps.compare too, in place of its function
        super().__setattr__(name, value)


def on_demand(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package that has names on demand.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str
        By name the module that defines it.
    """
    module: Any = sys.modules[package]
    module.__class__ = OnDemand
    module._homes = homes

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(module, name, value)
        return value

    return get, lambda: sorted({*vars(module), *homes})
