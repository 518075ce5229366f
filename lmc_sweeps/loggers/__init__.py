"""Loggers: what shows training curves and results of finished jobs in another program: TensorBoard, Weights & Biases, MLflow."""

from lmc_sweeps.common.registry import variants
from lmc_sweeps.loggers.base import Logger
from multirun_analysis.common.registry import extend_packages

extend_packages()


def choices() -> dict[str, type[Logger]]:
    """Return the classes of this room by name: every module beside this one, and in a user's own folders."""
    return variants(__name__, Logger)
