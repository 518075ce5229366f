"""`width_mnist`: barrier against width on MNIST, with the slope of its fall, and from which width to which it is seen to fall or rise."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.frames.tidy import cell_title
from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
from multirun_analysis.plots.lines import plot_line
from multirun_analysis.plots.style import STUDY_FONT, axis_label, figure_style, method_look, panel_title, width_axis
from multirun_analysis.records.labels import method_order
from multirun_analysis.stats.summary import kinds_of, summarise
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.barrier_vs_width import varying_columns
from multirun_analysis.tables.certificates import certificates
from multirun_analysis.tables.slopes import width_steps

TITLES = {
    "loss_barrier": "How much higher is the loss between the two networks?",
    "error_barrier": "How many more answers are wrong between them?",
}


def barrier_against_width(frames: Frames) -> Figure:
    """Draw loss and error barrier on the test split against width; beside them, where there is one, another recipe at a few widths."""
    table, runs, contrast = _recipes(frames)
    with figure_style():
        figure = Figure(figsize=(9.6 if contrast is None else 13.6, 4.3), layout="constrained")
        axes = figure.subplots(1, 2 if contrast is None else 3)
        for ax, (metric, title) in zip(axes, TITLES.items(), strict=False):
            plot_barrier_vs_width(table, runs, metric=metric, ax=ax)
            panel_title(ax, title, STUDY_FONT)
        if contrast is not None:
            _contrast(runs, contrast, axes[2])
        handles, labels = axes[0].get_legend_handles_labels()
        shown = dict(zip(labels, handles, strict=True))
        names = sorted(shown, key=method_order)
        title = f"identity: unmatched; points: pairs of networks; line: mean; bar and band: {kinds_of(frames['barrier_vs_width'])}"
        figure.legend([shown[name] for name in names], names, ncols=len(names), loc="outside upper center", title=title)
    return figure


def _recipes(frames: Frames) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]:
    """Return table and pairs of the recipe with the most widths, and the pairs of the others, if there are any."""
    table, runs = frames["barrier_vs_width"], frames["runs"]
    keys = varying_columns(runs)
    if not keys:
        return table, runs, None
    widths = runs.groupby(keys)["width"].nunique()
    chosen = widths.idxmax()
    main = dict(zip(keys, chosen if isinstance(chosen, tuple) else (chosen,), strict=True))
    in_table, in_runs = ((frame[keys] == pd.Series(main)).all(axis=1) for frame in (table, runs))
    return table[in_table], runs[in_runs], runs[~in_runs]


def _contrast(runs: pd.DataFrame, contrast: pd.DataFrame, ax: Axes) -> None:
    """Draw the matched loss barrier of two recipes at the widths that both have, the main one in full lines, the other dashed."""
    keys = varying_columns(runs)
    widths = sorted(set(contrast["width"]) & set(runs["width"]))
    methods = sorted(set(runs["matching"]) - {"identity"}, key=method_order)
    recipes = ((runs, "-"), *((cell, "--") for _, cell in contrast.groupby(keys)))
    for frame, style in recipes:
        cells = measured(frame[frame["width"].isin(widths)], split="test")
        for method in methods:
            colour, marker = method_look(method, methods)
            summary = summarise(cells[cells["matching"] == method], ["width"], "loss_barrier")
            plot_line(summary, "width", ax=ax, color=colour, marker=marker, linestyle=style)
        ax.plot([], [], color="black", linestyle=style, label=for_figure(cell_title(keys, frame[keys].iloc[0])))
    ax.set_ylim(bottom=0)
    width_axis(ax, widths)
    ax.set_ylabel(axis_label("loss_barrier", "test"))
    panel_title(ax, "What if training ends early?", STUDY_FONT)
    ax.legend(fontsize=7.5)


STUDY = Study(
    needs=("width",),
    may=None,
    methods=("identity",),
    dataset="mnist",
    tables={
        "width_steps": lambda frames: width_steps(frames["runs"]),
        "certificates": lambda frames: certificates(frames["runs"], (*varying_columns(frames["runs"]), "matching", "width")),
    },
    figures={"barrier_against_width": barrier_against_width},
)
