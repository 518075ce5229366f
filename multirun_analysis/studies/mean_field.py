"""`mean_field`: claim 1, that wide two-layer networks trained by SGD are linearly connected after matching, with its certificate."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.barrier_vs_width import plot_barrier_vs_width
from multirun_analysis.plots.lines import plot_line
from multirun_analysis.plots.style import GREY, STUDY_FONT, figure_style, legend_above, method_look, panel_title, width_axis
from multirun_analysis.records.labels import method_order
from multirun_analysis.stats.endpoints import endpoints
from multirun_analysis.stats.summary import kinds_of, summarise, summarise_networks
from multirun_analysis.stats.thresholds import at_most
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.certificates import certificates
from multirun_analysis.tables.slopes import slopes

LEAST_WIDTH, MOST_VARIATION = 64, 0.2  # the study is accepted if training does the same at every width from here on
WHOLE = "whole neurons"  # the label of matching by all that belongs to a neuron


def _runs(frames: Frames) -> pd.DataFrame:
    """Return the measured pairs on the test split, the two kinds of weight matching under short names."""
    return _named(measured(frames["runs"], split="test"))


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(matching=[_name(label) for label in frame["matching"]])


def _name(label: str) -> str:
    return WHOLE if "outgoing=true" in label else label.replace("[biases=false, outgoing=false]", "")


def _training_statistics(frames: Frames) -> dict[str, pd.DataFrame]:
    """Return, by width, the statistics of what networks are after training: their test loss, and their movement as pairs have it."""
    runs = _runs(frames)
    losses = endpoints(runs, ["width"]).rename(columns={"loss": "test_loss"})
    return {
        "test_loss": summarise_networks(losses, ["width"], ["test_loss"]),
        "relative_movement": summarise(runs[runs["matching"] == "identity"], ["width"], "relative_movement"),
    }


def acceptance(frames: Frames) -> pd.DataFrame:
    """Return whether the networks train alike at every width: at a fixed step wide ones would hardly move, and prove nothing."""
    rows = []
    for quantity, table in _training_statistics(frames).items():
        means = table[table["width"] >= LEAST_WIDTH].sort_values("width").set_index("width")["mean"].dropna()
        variation = means.max() / means.min() - 1
        rows.append(
            {
                "quantity": quantity, "widths": " ".join(map(str, means.index)), "min": means.min(), "max": means.max(),
                "variation": variation, "most": MOST_VARIATION, "passes": bool(len(means) > 1 and at_most(variation, MOST_VARIATION)),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def gap_slopes(frames: Frames) -> pd.DataFrame:
    """Return the slopes against width of output gap, certificate and loss barrier."""
    return slopes(_runs(frames), ("output_gap", "certificate", "loss_barrier"), ("matching",))


def claim(frames: Frames) -> Figure:
    """Draw output gap and certificate, barrier, and the training of the networks, against width."""
    runs = _runs(frames)
    methods = sorted(runs["matching"].unique(), key=method_order)
    widths = sorted(runs["width"].unique())
    with figure_style():
        figure = Figure(figsize=(11.4, 3.9), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        for method in methods:
            colour, marker = method_look(method, methods)
            cell = runs[runs["matching"] == method]
            plot_line(summarise(cell, ["width"], "output_gap"), "width", ax=left, color=colour, marker=marker, label=for_figure(method))
            if method != "identity":
                bound = summarise(cell, ["width"], "certificate")
                plot_line(bound, "width", ax=left, band=False, color=colour, linestyle="--", label=for_figure(f"{method}: certificate"))
        left.set_yscale("log")
        left.set_ylabel("output gap at the midpoint [logits]")
        panel_title(left, "Is the midpoint network the mean of the two?", STUDY_FONT)
        table = frames["barrier_vs_width"]
        plot_barrier_vs_width(_named(table), runs, metric="loss_barrier", ax=middle)
        panel_title(middle, "How much higher is its loss?", STUDY_FONT)
        _training(_training_statistics(frames), right)
        for ax in (left, right):
            width_axis(ax, widths)
        for ax in (left, middle, right):
            ax.set_xlabel("width [neurons]")
            ax.tick_params(axis="x", labelrotation=45)
        legend_above(figure, left, f"line: mean over pairs; bar and band: {kinds_of(frames['barrier_vs_width'])}")
    return figure


def _training(tables: Mapping[str, pd.DataFrame], ax: Axes) -> None:
    label = "test loss [nats]: mean over networks"
    plot_line(tables["test_loss"], "width", ax=ax, color="black", marker="o", label=label)
    plot_line(tables["relative_movement"], "width", ax=ax, color=GREY, marker="s", label="distance moved / initial norm")
    ax.set_ylim(bottom=0)
    panel_title(ax, "Does every width train alike?", STUDY_FONT)
    ax.legend(fontsize=8)


STUDY = Study(
    needs=("width",),
    methods=("identity", "weights"),
    among={"model": ("mean_field",)},
    tables={
        "acceptance": acceptance,
        "gap_slopes": gap_slopes,
        "certificates": lambda frames: certificates(frames["runs"], ("matching", "width")),
    },
    figures={"claim": claim},
)
