"""Studies: what a named experiment draws and tabulates beyond the report that every sweep gets. One file each, found by its name."""

import importlib
import pkgutil

from multirun_analysis.studies.base import Study


def choices() -> dict[str, Study]:
    """Return the studies by name: every module beside this one that has a ``STUDY``."""
    modules = {name: importlib.import_module(f"{__name__}.{name}") for _, name, _ in pkgutil.iter_modules(__path__)}
    return {name: module.STUDY for name, module in modules.items() if hasattr(module, "STUDY")}
