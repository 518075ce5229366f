"""Plots: a frame and axes in, axes out; none computes. A module with a ``FIGURE`` adds it to every sweep's report."""

from multirun_analysis.checks import InputError
from multirun_analysis.common.lean_imports import without
from multirun_analysis.common.registry import extend_packages, modules
from multirun_analysis.plots.base import SweepFigure

with without("scipy.stats", "scipy.cluster", "scipy.spatial"):  # nine tenths of its time, for densities and dendrograms
    import seaborn  # noqa: F401 # here, so that it is imported so, whichever plot is imported first

extend_packages()


def choices() -> dict[str, SweepFigure]:
    """Return the figures of every sweep by name, in the order of a report: every module here, or of a user's, that has a ``FIGURE``."""
    figures = {name: module.FIGURE for name, module in modules(__name__, InputError).items() if hasattr(module, "FIGURE")}
    return dict(sorted(figures.items(), key=lambda item: (item[1].order, item[0])))
