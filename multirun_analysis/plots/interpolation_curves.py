"""The curves behind the barriers: loss along the line from A to B, a small multiple per width."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import ordered, ordered_values, value_text
from multirun_analysis.plots.base import Frames, SweepFigure
from multirun_analysis.plots.marks import estimate_text, mark, mark_panel, pair_text, seeds_text
from multirun_analysis.plots.panels import label_first, legend_of_all, panel_rows, row_title, value_title
from multirun_analysis.plots.style import LONGEST, axis_label, figure_style, key_look, panel_title, plain_log_axis
from multirun_analysis.schema import PAIR
from multirun_analysis.tables.cells import LEAST_ROWS, Key, cells, fixed_keys, left_out, shown_cells

MOST_COLUMNS, MOST_PAIRS = 8, 20
NONE: Mapping[str, str] = MappingProxyType({})


def plot_curves(
    curves: pd.DataFrame, *, metric: str = "loss", hue: str = "matching", barriers: Mapping[str, str] = NONE, ax: Axes | None = None
) -> Axes:
    """Draw a thin curve for each pair and a thick one for their mean, by method.

    Parameters
    ----------
    curves : DataFrame
        Rows of ``curves.csv`` of one cell, width and split.
    metric : str
        ``loss`` or ``error``.
    hue : str
        The key that stands for the method.
    barriers : mapping of str to str, optional
        What the page says of the barrier of each value of `hue`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax if ax is not None else plt.subplots(figsize=(3.0, 2.6))[1]
    kinds = ordered_values(curves, hue)
    for kind in kinds:
        colour, _ = key_look(hue, str(kind), [str(name) for name in kinds])
        rows = curves[curves[hue] == kind]
        by_pair = rows.pivot_table(index="t", columns=["run_id", *PAIR], values=metric)
        first_rows = rows.drop_duplicates(["run_id", *PAIR]).to_dict("records")
        pairs = {tuple(row[name] for name in ("run_id", *PAIR)): row for row in first_rows}
        measure = f"highest {metric}"
        values = {hue: value_text(kind), "split": str(rows["split"].iloc[0])}
        of_all = f"\nmean of {barriers[value_text(kind)]}" if value_text(kind) in barriers else ""
        for pair, curve in by_pair.iloc[:, :MOST_PAIRS].items():
            (line,) = ax.plot(by_pair.index, curve, color=colour, linewidth=0.5, alpha=0.35)
            mark(line, [({}, pair_text(pairs[tuple(pair)], measure, curve.max(), barriers.get(value_text(kind), "")))], **values)
        mean = by_pair.mean(axis=1)
        (line,) = ax.plot(mean.index, mean, color=colour, linewidth=1.6, label=for_figure(value_text(kind)))
        count = f"mean of {by_pair.shape[1]} {'pair' if by_pair.shape[1] == 1 else 'pairs'}"
        mark(line, [({}, f"{count}, {seeds_text(rows)}\n{measure}: {mean.max():.4g}{of_all}")], **values)
    ax.set_xticks([0.0, 0.5, 1.0], ["A", "½", "B"])
    return ax


def shown_jobs(runs: pd.DataFrame, keys: list[str]) -> set[str]:
    """Return the jobs of the cells that the figure shows: the curves of all jobs of a large sweep would not fit in memory."""
    return {run_id for _, cell in shown_cells(_measured(runs, keys), LEAST_ROWS) for run_id in cell["run_id"]}


def _measured(frame: pd.DataFrame, keys: list[str]) -> dict[Key, pd.DataFrame]:
    """Return the cells of runs or of curves, on the test split, of networks that did not diverge."""
    return cells(frame[(frame["split"] == "test") & (frame["status"] == "ok")], keys)


def draw(frames: Frames, x: str, hue: str) -> Figure | None:
    """Return the test loss along the line: a row per cell, a panel per width (or `x`); of more than 4 rows of 8 panels some, which it says.

    The rows are the first ones, the panels of a row evenly chosen.
    """
    keys = fixed_keys(frames["barrier_vs_width"], x, hue)
    all_cells = _measured(frames["runs"], keys)
    rows = shown_cells(_measured(frames["curves"], keys), LEAST_ROWS)
    if not rows:
        return None
    all_values = ordered(pd.concat([cell[x] for _, cell in rows]))
    values = _evenly(all_values, MOST_COLUMNS)
    summaries = cells(frames["barrier_vs_width"], [*keys, x])
    figure, axes = panel_rows(len(rows), len(values), (max(1.5, 9.6 / len(values)), 2.4), share_x=True, share_y="row")
    with figure_style():
        for row, (key, cell) in zip(axes, rows, strict=True):
            for ax, value in zip(row, values, strict=True):
                panel = cell[cell[x] == value]
                if panel.empty:
                    ax.set_axis_off()
                    continue
                mark_panel(ax, [*keys, x], [*key, value])
                plot_curves(panel, hue=hue, barriers=_barriers(summaries.get((*key, value)), hue), ax=ax)
                panel_title(ax, value_title(x, value))
                plain_log_axis(ax, "y")
            row_title(row[0], keys, key, value_title(x, values[0]) if row[0].axison else " ")
            label_first(row, axis_label("loss", "test"))
        panels = left_out(len(values), len(all_values), f"panels of {for_figure(x, LONGEST)}", evenly=True)
        pairs = f"thin: pairs (the first {MOST_PAIRS}, where there are more); thick: the mean of all"
        cut = left_out(len(rows), len(all_cells), "rows")
        legend_of_all(figure, axes.flat, pairs, cut, panels, methods=hue == "matching")
    return figure


def _barriers(table: pd.DataFrame | None, hue: str) -> dict[str, str]:
    """Return what the page says of the mean barriers of a panel."""
    if table is None:
        return {}
    rows = table[(table["metric"] == "loss_barrier") & (table["split"] == "test") & (table["n_pairs"] > 0)]
    return {value_text(row[hue]): estimate_text(row, axis_label("loss_barrier", "test")) for row in rows.to_dict("records")}


def _evenly(values: list[Any], most: int) -> list[Any]:
    """Return at most so many of the values, the first and the last among them."""
    if len(values) <= most:
        return values
    return [values[round(k * (len(values) - 1) / (most - 1))] for k in range(most)]


FIGURE = SweepFigure(
    "Loss along the line",
    "From network A (left) to network B (right), which is permuted where it is matched. "
    "A barrier is what rises above the straight line between the two ends.",
    draw,
    order=10,
)
