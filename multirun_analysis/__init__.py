"""Analysis of sweeps: from the records on disk to tidy frames, tables and figures. Needs neither torch nor Hydra."""

from typing import TYPE_CHECKING

from multirun_analysis.common.on_demand import on_demand

if TYPE_CHECKING:
    from multirun_analysis.frames.discovery import (
        load_blocks,
        load_curves,
        load_expected,
        load_layers,
        load_runs,
        load_training_curves,
    )
    from multirun_analysis.frames.planes import load_planes
    from multirun_analysis.report.report import write_report
    from multirun_analysis.report.results import SweepResults
    from multirun_analysis.tables.barrier_vs_width import barrier_vs_width

__all__ = [
    "SweepResults",
    "barrier_vs_width",
    "load_blocks",
    "load_curves",
    "load_expected",
    "load_layers",
    "load_planes",
    "load_runs",
    "load_training_curves",
    "write_report",
]

# pandas takes half a second to import, for which `python -m multirun_analysis --help` would wait.
__getattr__, __dir__ = on_demand(
    __name__,
    {
        **{
            f"load_{name}": "multirun_analysis.frames.discovery"
            for name in ("blocks", "curves", "expected", "layers", "runs", "training_curves")
        },
        "load_planes": "multirun_analysis.frames.planes",
        "write_report": "multirun_analysis.report.report",
        "SweepResults": "multirun_analysis.report.results",
        "barrier_vs_width": "multirun_analysis.tables.barrier_vs_width",
    },
)
