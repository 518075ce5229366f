"""Studies: what a named experiment draws and tabulates beyond the report that every sweep gets. One file each, found by its name."""

from multirun_analysis.checks import InputError
from multirun_analysis.common.registry import extend_packages, modules
from multirun_analysis.studies.base import Study

extend_packages()


def choices() -> dict[str, Study]:
    """Return the studies by name: every module here, or of a user's, that has a ``STUDY``."""
    return {name: module.STUDY for name, module in modules(__name__, InputError).items() if hasattr(module, "STUDY")}
