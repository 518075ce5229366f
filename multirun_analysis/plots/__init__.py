"""Plots: a frame and axes in, axes out; none computes. A module with a ``FIGURE`` adds it to every sweep's report."""

import importlib
import pkgutil

from multirun_analysis.plots.base import SweepFigure


def choices() -> dict[str, SweepFigure]:
    """Return the figures of every sweep by name, in the order of a report: every module beside this one that has a ``FIGURE``."""
    modules = {name: importlib.import_module(f"{__name__}.{name}") for _, name, _ in pkgutil.iter_modules(__path__)}
    found = {name: module.FIGURE for name, module in modules.items() if hasattr(module, "FIGURE")}
    return dict(sorted(found.items(), key=lambda item: (item[1].place, item[0])))
