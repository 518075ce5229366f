"""Models: a file holds a network's mathematics and its permutation specification, side by side."""

from lmc_sweeps.common.registry import variants
from lmc_sweeps.models.base import Model
from lmc_sweeps.models.checking import wrong_signature
from multirun_analysis.common.registry import extend_packages

extend_packages()


def choices() -> dict[str, type[Model]]:
    """Return the classes of this room by name: every module beside this one, and in a user's own folders."""
    return variants(__name__, Model, wrong_signature)
