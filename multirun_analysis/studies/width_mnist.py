"""`width_mnist`: barrier against width on MNIST, with the slope of its fall, and from which width to which it is seen to fall or rise."""

from matplotlib.figure import Figure

from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
from multirun_analysis.plots.style import figure_style
from multirun_analysis.stats.summary import STUDENT
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.tables.slopes import slopes, width_steps
from multirun_analysis.tidy import method_order

TITLES = {
    "loss_barrier": "How much higher is the loss between the two networks?",
    "error_barrier": "How many more answers are wrong between them?",
}


def barrier_against_width(frames: Frames) -> Figure:
    """Draw loss and error barrier on the test split against width."""
    table, runs = frames["barrier_vs_width"], frames["runs"]
    with figure_style():
        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        axes = figure.subplots(1, 2)
        for ax, (metric, title) in zip(axes, TITLES.items(), strict=True):
            plot_barrier_vs_width(table, runs, metric=metric, ax=ax)
            ax.set_title(title, fontsize=9, loc="left")
        handles, labels = axes[0].get_legend_handles_labels()
        shown = dict(zip(labels, handles, strict=True))
        names = sorted(shown, key=method_order)
        title = f"identity: unmatched; points: pairs of networks; line: mean; band: {STUDENT}"
        figure.legend([shown[name] for name in names], names, ncols=len(names), loc="outside upper center", title=title)
    return figure


STUDY = Study(
    tables={"slopes": lambda frames: slopes(frames["runs"]), "width_steps": lambda frames: width_steps(frames["runs"])},
    figures={"barrier_against_width": barrier_against_width},
)
