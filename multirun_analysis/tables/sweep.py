"""The tables that every sweep has, by the names of their CSVs; each is made of those that it needs."""

from collections.abc import Collection

import pandas as pd

from multirun_analysis.frames import tidy
from multirun_analysis.frames.tidy import Sweep
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.tables.barrier_vs_width import barrier_vs_width
from multirun_analysis.tables.connected_share import connected_share
from multirun_analysis.tables.direction_differences import direction_differences
from multirun_analysis.tables.matching_costs import matching_costs
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.names import TABLES
from multirun_analysis.tables.repair_differences import repair_differences
from multirun_analysis.tables.slopes import slopes
from multirun_analysis.tables.width_needed import width_needed


def sweep_frames(sweep: Sweep, names: Collection[str] = TABLES, choice: IntervalChoice = DEFAULT) -> dict[str, pd.DataFrame]:
    """Return the tables of a sweep by their names, all of them or some; what they are made of is made once."""
    made: dict[str, pd.DataFrame] = {}
    makers = {
        "runs": lambda: tidy.runs_frame(sweep),
        "curves": lambda: tidy.curves_frame(sweep),
        "layers": lambda: tidy.layers_frame(sweep),
        "barrier_vs_width": lambda: barrier_vs_width(table("runs"), tidy.expected_frame(sweep), choice, tidy.blocks_column(sweep)),
        "failures": lambda: sweep.failures,
        "method_differences": lambda: method_differences(table("runs"), choice),
        "repair_differences": lambda: repair_differences(table("runs"), choice),
        "direction_differences": lambda: direction_differences(table("runs"), choice),
        "slopes": lambda: slopes(table("runs")),
        "width_needed": lambda: width_needed(table("barrier_vs_width")),
        "connected_share": lambda: connected_share(table("runs"), choice=choice),
        "matching_costs": lambda: matching_costs(table("layers"), choice),
        "training_curves": lambda: tidy.training_curves_frame(sweep),
    }

    def table(name: str) -> pd.DataFrame:
        if name not in made:
            made[name] = makers[name]()
        return made[name]

    return {name: table(name) for name in makers if name in names}
