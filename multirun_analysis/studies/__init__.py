"""Studies: what a named experiment draws and tabulates beyond the report that every sweep gets. One file each, found by its name."""

from multirun_analysis.common.registry import modules
from multirun_analysis.studies.base import Study


def choices() -> dict[str, Study]:
    """Return the studies by name: every module beside this one that has a ``STUDY``."""
    return {name: module.STUDY for name, module in modules(__name__).items() if hasattr(module, "STUDY")}
