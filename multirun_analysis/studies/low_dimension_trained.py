"""`low_dimension_trained`: claim 3 after training: data of few dimensions, the dimension of weights, and the barrier."""

from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.lines import plot_bars
from multirun_analysis.plots.style import (
    STUDY_FONT,
    aside,
    axis_label,
    barrier_axis,
    drawable,
    figure_style,
    legend_above,
    method_look,
    panel_title,
    plain_log_axis,
    series_look,
    width_axis,
)
from multirun_analysis.records.labels import method_order
from multirun_analysis.stats.summary import kinds_of, summarise
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.certificates import certificates
from multirun_analysis.tables.dimension_correlations import dimension_correlations
from multirun_analysis.tables.slopes import slopes

DIMENSION = "dataset.intrinsic_dimension"
BESIDE = ((4, 3), (-4, 3))  # points, from a marker to its number, by method: two at one place have two places for it
SHOWN = "covariance"  # whose metric is blind to directions that the data do not have


def _matched(frames: Frames) -> pd.DataFrame:
    """Return the measured pairs on the test split after matching, by whichever method."""
    test = measured(frames["runs"], split="test")
    return test[test["matching"] != "identity"]


def cost_slopes(frames: Frames) -> pd.DataFrame:
    """Return the slope of log matching cost and of log barrier against log width by dimension of the data and method."""
    by = (DIMENSION, "matching")
    test = _matched(frames)
    tables = [slopes(frames["layers"], ("matching_cost",), by), slopes(test, ("loss_barrier", "output_gap"), by)]
    return pd.concat(tables, ignore_index=True).sort_values(["metric", *by], ignore_index=True)


def correlations(frames: Frames) -> pd.DataFrame:
    """Return how dimension goes with barrier, across methods and across the data's dimensions."""
    measures = ("loss_barrier", "loss_midpoint")
    tables = [dimension_correlations(frames["runs"], frames["layers"], [DIMENSION, "width"], measure) for measure in measures]
    across_settings = [dimension_correlations(frames["runs"], frames["layers"], [DIMENSION], measure) for measure in measures]
    parts = [table[table["across"] == "methods"] for table in tables] + [table[table["across"] == "settings"] for table in across_settings]
    return pd.concat(parts, ignore_index=True)


def dimension_and_barrier(frames: Frames) -> Figure:
    """Draw relative matching cost and barrier against width by dimension of the data, and barrier against approximate dimension."""
    test, layers = _matched(frames), measured(frames["layers"])
    layers = layers.assign(relative_cost=layers["matching_cost"] / layers["identity_cost"])
    with figure_style():
        figure = Figure(figsize=(12.4, 4.3), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        tables: list[pd.DataFrame] = []
        for ax, frame, value, name in (
            (left, layers, "relative_cost", f"matching cost / unmatched cost ({SHOWN})"),
            (middle, test, "loss_barrier", f"{axis_label('loss_barrier', 'test')} ({SHOWN})"),
        ):
            means = summarise(frame[frame["matching"] == SHOWN], [DIMENSION, "width"], value).sort_values([DIMENSION, "width"])
            tables.append(means)
            width_axis(ax, sorted(means["width"].unique()))
            dimensions = sorted(means[DIMENSION].unique())
            for k, dimension in enumerate(dimensions):
                line = means[means[DIMENSION] == dimension]
                look, beside = series_look(k), aside(ax, line["width"].tolist(), k, len(dimensions))
                plot_bars(beside, line, ax=ax, label=f"data of dimension {dimension}", colour=look["color"], marker=look["marker"])
            ax.set_xlabel("width [neurons]")
            ax.set_ylabel(name)
        left.set_yscale("log")
        barrier_axis(middle, drawable(tables[1]["mean"]), drawable(tables[1]["ci_low"]))
        panel_title(left, "How near is the matched neuron?", STUDY_FONT)
        panel_title(middle, "How much higher is the loss between?", STUDY_FONT)
        _scatter(test, layers, right)
        legend_above(figure, left, f"line: mean over pairs; bar: {kinds_of(*tables)}", columns=3)
    return figure


def _scatter(test: pd.DataFrame, layers: pd.DataFrame, ax: Axes) -> None:
    """Draw mean barrier against mean approximate dimension, a point per dimension of the data, a line per method, at one width."""
    widths = sorted(test["width"].unique())
    width = widths[len(widths) // 2]
    by = ["matching", DIMENSION]
    barrier = test[test["width"] == width].groupby(by)["loss_barrier"].mean()
    points = barrier.to_frame().join(layers[layers["width"] == width].groupby(by)["approximate_dimension"].mean()).reset_index()
    methods = sorted(points["matching"].unique(), key=method_order)
    for method, offset in zip(methods, cycle(BESIDE), strict=False):
        colour, marker = method_look(method, methods)
        cell = points[points["matching"] == method].sort_values(DIMENSION)
        ax.plot(
            cell["approximate_dimension"],
            cell["loss_barrier"],
            color=colour,
            marker=marker,
            linewidth=0.8,
            clip_on=False,
            label=for_figure(method),
        )
        for row in cell.to_dict("records"):
            ax.annotate(
                f"{row[DIMENSION]}",
                (row["approximate_dimension"], row["loss_barrier"]),
                offset,
                textcoords="offset points",
                fontsize=6.5,
                color=colour,
                ha="left" if offset[0] > 0 else "right",
            )
    plain_log_axis(ax)
    barrier_axis(ax, drawable(points["loss_barrier"]), drawable(points["loss_barrier"]))
    ax.set_ylim(top=3 * ax.get_ylim()[1])  # room for the highest number
    ax.set_xlabel("approximate dimension of network A")
    ax.set_ylabel(axis_label("loss_barrier", "test"))
    panel_title(ax, f"Does dimension go with barrier? (width {width})", STUDY_FONT)
    ax.legend(fontsize=8, title="numbers: of the data", title_fontsize=8, loc="lower right")


STUDY = Study(
    needs=(DIMENSION, "width"),
    methods=("identity", SHOWN),
    tables={
        "cost_slopes": cost_slopes,
        "dimension_correlations": correlations,
        "certificates": lambda frames: certificates(frames["runs"], (DIMENSION, "matching", "width")),
    },
    figures={"dimension_and_barrier": dimension_and_barrier},
)
