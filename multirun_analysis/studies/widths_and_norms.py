"""What the studies of width of convolutional networks share: barriers, ends, their change with width, and what repairs remove, by norm."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import ordered, ordered_values
from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
from multirun_analysis.plots.panels import legend_of_all, panel_rows
from multirun_analysis.plots.style import STUDY_FONT, figure_style, panel_title
from multirun_analysis.schema import PAIR, STATISTICS, WITHOUT_REPAIR
from multirun_analysis.stats.summary import ENDPOINTS, kinds_of
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.barrier_vs_width import with_two_way
from multirun_analysis.tables.growth import growth
from multirun_analysis.tables.removed_share import removed_share

Made = TypeVar("Made")

NORM = "model.norm"
BY = [NORM, "matching", "repair", "width"]
BARRIERS = ("loss_barrier", "error_barrier", "loss_barrier_calibrated")
SHOWN = (*BARRIERS, "error_midpoint", "loss_ensemble", "error_ensemble")
LOOKED_AT = ("loss_a", "loss_b", "loss_midpoint", "error_midpoint", *BARRIERS)  # a repair that changes none of these does nothing
NO_REPAIR = WITHOUT_REPAIR["repair"]
WIDTHS = "width [channels of the first stage]"


def repaired(frames: Frames) -> pd.DataFrame:
    """Return the pairs on the test split, each repair only with the norms of whose networks it changes anything.

    Of networks that have nothing that it repairs (`reset` without batch norms, `repair` where no layer has a bias), the numbers are those
    without repair, bit for bit: shown beside them, they would look as if it had been tried and did not help.
    """
    test = measured(frames["runs"], split="test")
    pair = ["run_id", "matching", *PAIR]
    plain = test[test["repair"] == NO_REPAIR].set_index(pair)[list(LOOKED_AT)].add_prefix("plain ")
    joined = test.join(plain, on=pair)
    differs = pd.Series(False, index=test.index)
    for measure in LOOKED_AT:
        one, other = joined[measure], joined[f"plain {measure}"]
        differs |= (one != other) & ~(one.isna() & other.isna())
    does = differs.groupby([test[NORM], test["repair"]]).transform("any")
    return test[does | (test["repair"] == NO_REPAIR)]


def barriers(frames: Frames) -> pd.DataFrame:
    """Return barriers, errors at the midpoint and those of ensembles by norm, method, repair and width, on the test split.

    The interval is that over pairs and test examples where there is one, as in the terminal's table.
    """
    table = _estimates(frames)
    shown = table[table["metric"].isin(SHOWN)]
    return shown[["metric", *BY, *STATISTICS]].sort_values(["metric", *BY], ignore_index=True)


def ends(frames: Frames) -> pd.DataFrame:
    """Return the networks' own loss and error on the test split by norm, repair and width: over networks, each once.

    Repairs that leave the ends of a line as they are have the same numbers as no repair.
    """
    table = _estimates(frames)
    shown = table[table["metric"].isin(ENDPOINTS) & (table["matching"] == "identity")]
    by = [NORM, "repair", "width"]
    columns = ["n_networks", "mean", "std", "ci_low", "ci_high", "interval", "min", "max"]
    return shown[["metric", *by, *columns]].sort_values(["metric", *by], ignore_index=True)


def _estimates(frames: Frames) -> pd.DataFrame:
    """Return the rows of ``barrier_vs_width.csv`` on the test split, of the norms and repairs that `repaired` has."""
    table = frames["barrier_vs_width"]
    cells = repaired(frames)[[NORM, "repair"]].drop_duplicates()
    return with_two_way(table[(table["split"] == "test") & (table["n_pairs"] > 0)]).merge(cells, on=[NORM, "repair"])


def change_with_width(frames: Frames) -> pd.DataFrame:
    """Return how much the mean test barrier grows from the least width to each other one, by norm, method and repair."""
    return growth(repaired(frames), "width", [NORM, "matching", "repair"], BARRIERS)


def removed(frames: Frames) -> pd.DataFrame:
    """Return the share of a pair's test barrier that a repair removes, over pairs, by norm, method, repair and width."""
    return removed_share(repaired(frames), BY, BARRIERS)


def barrier_against_width(frames: Frames, metric: str) -> Figure:
    """Draw a test barrier against width: a row per norm, a panel per repair that changes anything, a line per method."""
    runs, table = repaired(frames), _estimates(frames)
    norms = ordered(runs[NORM])
    repairs = {norm: ordered_values(runs[runs[NORM] == norm], "repair") for norm in norms}
    figure, axes = panel_rows(len(norms), max(map(len, repairs.values())), (4.2, 3.0))
    with figure_style():
        for row, norm in zip(axes, norms, strict=True):
            panels, whole = row[: len(repairs[norm])], table[table[NORM] == norm]
            for ax, repair in zip(panels, repairs[norm], strict=True):
                pairs = runs[(runs[NORM] == norm) & (runs["repair"] == repair)]
                plot_barrier_vs_width(whole[whole["repair"] == repair], pairs, metric=metric, whole=whole, ax=ax)
                title = "no repair" if repair == NO_REPAIR else for_figure(repair)
                panel_title(ax, f"{for_figure(norm)} norm, {title}", STUDY_FONT)
                ax.set_xlabel(WIDTHS)
            limits = np.array([ax.get_ylim() for ax in panels])  # of one scale: the repairs of a norm are compared
            plt.setp(panels, ylim=(limits[:, 0].min(), limits[:, 1].max()))
            plt.setp(panels[1:], ylabel="")
            for ax in row[len(panels) :]:
                ax.set_axis_off()
        kinds = kinds_of(table[table["metric"] == metric])
        legend_of_all(figure, axes.flat, f"points: pairs; line: mean; bar: {kinds}", methods=True)
    return figure


def study(methods: tuple[str, ...], norm: str | None = None) -> Study:
    """Return the study of one model: of its width and its norm, or its width with one `norm`, matched by these methods among others."""
    tables: dict[str, Callable[[Frames], pd.DataFrame]] = {"barriers": barriers, "ends": ends}
    tables |= {"change_with_width": change_with_width, "removed": removed}
    figures = {f"{metric}_against_width": partial(barrier_against_width, metric=metric) for metric in ("loss_barrier", "error_barrier")}
    return Study(
        needs=("width", NORM) if norm is None else ("width",),
        may=(),
        apart=(NORM,) if norm is None else (),  # norms need optimizers and learning rates of their own
        among={} if norm is None else {NORM: (norm,)},
        methods=methods,
        dataset="cifar10",
        repairs=True,
        tables=tables if norm is None else {name: partial(_of_one_norm, make, norm) for name, make in tables.items()},
        figures=figures if norm is None else {name: partial(_of_one_norm, draw, norm) for name, draw in figures.items()},
    )


def _of_one_norm(make: Callable[[Frames], Made], norm: str, frames: Frames) -> Made:
    """Return what is made of the frames of a sweep in which the norm has no column, for it has one value."""
    named = {name: frames[name].assign(**{NORM: norm}) for name in ("runs", "barrier_vs_width")}
    return make({**frames, **named})
