"""`methods_mnist`: every matching method with and without repair on the same pairs: what wins where, and what the data do not decide."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis.plots.barrier_against_seconds import draw as barrier_against_seconds_of
from multirun_analysis.plots.methods_and_repairs import draw as methods_and_repairs_of
from multirun_analysis.records.labels import method_order
from multirun_analysis.stats.interval_choice import DEFAULT
from multirun_analysis.stats.summary import summarise
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.repair_differences import repair_differences

CELL = ["depth", "width", "repair", "split", "metric"]
MEASURES = (
    "loss_barrier", "error_barrier", "loss_barrier_calibrated", "loss_midpoint", "error_midpoint", "loss_ensemble", "error_ensemble",
    "barrier_over_loss", "temperature_midpoint", "seconds_match", "seconds_train",
)  # fmt: skip
DECIDED = ("better_than", "worse_than", "undecided_against")


def methods(frames: Frames) -> pd.DataFrame:
    """Return the statistics of every measure over pairs, by depth, width, repair, split and method."""
    runs = measured(frames["runs"])
    by = ["depth", "width", "repair", "split", "matching"]
    measures = [measure for measure in MEASURES if runs[measure].notna().any()]
    table = pd.concat([summarise(runs[runs[measure].notna()], by, measure).assign(metric=measure) for measure in measures])
    return table.sort_values([*CELL, "matching"], key=_in_order, kind="stable", ignore_index=True)


def decided(frames: Frames) -> pd.DataFrame:
    """Return how many other methods each one is better than, worse than, and not told from, by the corrected intervals.

    On the same pairs, under the same repair; the intervals are those of ``method_differences.csv`` that hold together for all comparisons
    of a depth, width, repair, split and metric.
    """
    table = frames["method_differences"]
    sides = []
    for method, other in (("method", "other"), ("other", "method")):
        won, lost = (table["better_corrected"] == table[side] for side in (method, other))
        columns = dict(zip(DECIDED, (won, lost, ~won & ~lost), strict=True))
        sides.append(table[[*CELL]].assign(matching=table[method], **{name: column.astype(int) for name, column in columns.items()}))
    counts = pd.concat(sides).groupby([*CELL, "matching"], sort=False)[list(DECIDED)].sum().reset_index()
    return counts.sort_values([*CELL, "matching"], key=_in_order, kind="stable", ignore_index=True)


def repairs(frames: Frames) -> pd.DataFrame:
    r"""Return what a repair changes for each method on the same pairs, by intervals that hold together for all methods of a cell.

    They are at level :math:`1 - (1 - \gamma) / m` for m methods (Bonferroni); ``better`` is what they decide.
    """
    runs = frames["runs"]
    level = 1 - (1 - DEFAULT.level) / runs["matching"].nunique()
    table = repair_differences(runs, replace(DEFAULT, level=level))
    by = ["depth", "width", "split", "metric"]
    shown = table[[*by, "matching", "repair", "other", "n_pairs", "mean", "ci_low", "ci_high", "interval", "better"]]
    return shown.sort_values([*by, "matching"], key=_in_order, kind="stable", ignore_index=True)


def times(frames: Frames) -> pd.DataFrame:
    """Return the seconds of matching over those of training the pair, by depth, width and method, over pairs."""
    runs = measured(frames["runs"], split="test", repair="none")
    runs = runs.assign(ratio=runs["seconds_match"] / runs["seconds_train"].replace(0, np.nan))
    by = ["depth", "width", "matching"]
    tables = [summarise(runs, by, measure).assign(measure=measure) for measure in ("seconds_match", "seconds_train", "ratio")]
    return pd.concat(tables).sort_values(["measure", *by], key=_in_order, kind="stable", ignore_index=True)


def methods_and_repairs(frames: Frames) -> Figure:
    """Draw every method under each repair: a row of panels per depth, a panel per width."""
    return _drawn(methods_and_repairs_of, frames)


def barrier_against_seconds(frames: Frames) -> Figure:
    """Draw the barrier against the seconds of matching: a row of panels per depth and repair, a panel per width."""
    return _drawn(barrier_against_seconds_of, frames)


def _drawn(draw: Callable[[Frames, str, str], Figure | None], frames: Frames) -> Figure:
    """Return a figure that every sweep has, which needs several methods."""
    figure = draw(frames, "width", "matching")
    if figure is None:
        raise ValueError("there are too few methods to be drawn beside one another")
    return figure


def _in_order(column: pd.Series) -> pd.Series:
    """Return a column as it sorts: methods in their usual order."""
    return column.map(method_order) if column.name == "matching" else column


STUDY = Study(
    needs=("depth", "width"),
    methods=("identity", "weights", "rebasin", "random"),
    dataset="mnist",
    repairs=True,
    tables={"methods": methods, "decided": decided, "repairs": repairs, "times": times},
    figures={"methods_and_repairs": methods_and_repairs, "barrier_against_seconds": barrier_against_seconds},
)
