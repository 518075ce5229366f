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
    from multirun_analysis.plots.barrier_against_seconds import plot_barrier_against_seconds
    from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
    from multirun_analysis.plots.connected_share import plot_connected_share
    from multirun_analysis.plots.dimension_and_barrier import plot_dimension_and_barrier
    from multirun_analysis.plots.heat_map import plot_heat_map
    from multirun_analysis.plots.interpolation_curves import plot_curves
    from multirun_analysis.plots.matching_cost import plot_matching_cost
    from multirun_analysis.plots.methods_and_repairs import plot_methods_and_repairs
    from multirun_analysis.plots.plane import plot_plane
    from multirun_analysis.plots.training_curves import plot_training_curves
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
    "plot_barrier_against_seconds",
    "plot_barrier_vs_width",
    "plot_connected_share",
    "plot_curves",
    "plot_dimension_and_barrier",
    "plot_heat_map",
    "plot_matching_cost",
    "plot_methods_and_repairs",
    "plot_plane",
    "plot_training_curves",
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
        **{
            "plot_barrier_against_seconds": "multirun_analysis.plots.barrier_against_seconds",
            "plot_barrier_vs_width": "multirun_analysis.plots.barrier_vs_width",
            "plot_connected_share": "multirun_analysis.plots.connected_share",
            "plot_curves": "multirun_analysis.plots.interpolation_curves",
            "plot_dimension_and_barrier": "multirun_analysis.plots.dimension_and_barrier",
            "plot_heat_map": "multirun_analysis.plots.heat_map",
            "plot_matching_cost": "multirun_analysis.plots.matching_cost",
            "plot_methods_and_repairs": "multirun_analysis.plots.methods_and_repairs",
            "plot_plane": "multirun_analysis.plots.plane",
            "plot_training_curves": "multirun_analysis.plots.training_curves",
        },
        "write_report": "multirun_analysis.report.report",
        "SweepResults": "multirun_analysis.report.results",
        "barrier_vs_width": "multirun_analysis.tables.barrier_vs_width",
    },
)
