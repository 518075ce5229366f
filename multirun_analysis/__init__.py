"""Analysis of sweeps: from the records on disk to tidy frames, tables and figures. Needs neither torch nor Hydra."""

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
from multirun_analysis.tables.barrier_vs_width import barrier_vs_width

__all__ = [
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
