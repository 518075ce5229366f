"""`transformers`: the barrier between transformers under permutations and under richer maps, in units of the unmatched one."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from multirun_analysis.common.media import for_figure
from multirun_analysis.plots.interpolation_curves import plot_curves
from multirun_analysis.plots.panels import legend_of_all, panel_rows
from multirun_analysis.plots.style import GREY, LONGEST, STUDY_FONT, UNITS, drawable, figure_style, method_look, panel_title
from multirun_analysis.records.labels import method_order
from multirun_analysis.schema import PAIR, STATISTICS
from multirun_analysis.stats.endpoints import endpoints
from multirun_analysis.stats.summary import kinds_of, summarise, summarise_networks
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.rows import measured
from multirun_analysis.tables.barrier_vs_width import with_two_way


class Kind(NamedTuple):
    """The maps that a method chooses from, and the networks between which its line lies: as they were trained, or with norms folded."""

    maps: str
    norms: str


PERMUTED, MAPPED = Kind("permutations", "as trained"), Kind("orthogonal", "folded")
CONTROLS = {"identity": Kind("none", "as trained"), "folding": Kind("none", "folded")}
KINDS = {
    **CONTROLS,
    **dict.fromkeys(("random", "weights", "covariance", "activations", "rebasin", "straight_through"), PERMUTED),
    **dict.fromkeys(("procrustes", "learned_maps"), MAPPED),
}
BARRIERS = ("loss_barrier", "error_barrier")
SHOWN = (*BARRIERS, "loss_barrier_calibrated", "loss_midpoint", "error_midpoint", "loss_ensemble", "error_ensemble")
RELATIVE = "relative_barrier"
BY = ["model", "matching"]


def _tested(frames: Frames, table: str = "runs") -> pd.DataFrame:
    """Return the rows of pairs on the test split with the kind of their method, the controls first, then permutations."""
    return _with_kinds(measured(frames[table], split="test"))


def _with_kinds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the kind of each method, empty where it is not known, in the order of kinds and methods.

    Both models have the same methods, whose settings need not be the same: without them in the name, where a model has one of the name.
    """
    names = table["matching"].str.partition("[")[0]
    variants = table["matching"].groupby([table["model"], names]).transform("nunique")
    kinds = {field: names.map({name: getattr(kind, field) for name, kind in KINDS.items()}) for field in Kind._fields}
    described = table.assign(matching=table["matching"].where(variants > 1, names), **kinds)
    return described.sort_values("matching", key=lambda column: column.map(_order), kind="stable")


def _order(method: str) -> tuple[int, tuple[int, str]]:
    kinds = [*CONTROLS.values(), PERMUTED, MAPPED]
    kind = KINDS.get(method.partition("[")[0])
    return (len(kinds) if kind is None else kinds.index(kind), method_order(method))


def barriers(frames: Frames) -> pd.DataFrame:
    """Return barriers, midpoints and ensembles on the test split by model and method: nats for each image, or for each character.

    The interval is that over pairs and test examples where there is one, as in the terminal's table.
    """
    table = frames["barrier_vs_width"]
    shown = table[(table["split"] == "test") & table["metric"].isin(SHOWN) & (table["n_pairs"] > 0)]
    described = _with_kinds(with_two_way(shown)).sort_values(["metric", "model"], kind="stable", ignore_index=True)
    return described[["metric", *BY, *Kind._fields, *STATISTICS]]


def relative_pairs(frames: Frames, metric: str, control: str = "identity") -> pd.DataFrame:
    r"""Return the pairs with their barrier in units of that of the same pair under a control.

    .. math:: r_p = B_{p, \text{method}} / B_{p, \text{control}}

    Pairs without a barrier under the control have none. Under `folding` are only the methods that fold norms, which it is the control of.
    """
    test, pair = _tested(frames), ["run_id", *PAIR]
    plain = test[test["matching"] == control].set_index(pair)[metric].rename("control")
    others = test[(test["matching"] != control) & ((control == "identity") | (test["norms"] == CONTROLS[control].norms))]
    joined = others.join(plain, on=pair)
    joined = joined[joined["control"] > 0]
    return joined.assign(**{RELATIVE: joined[metric] / joined["control"]})


def relative(frames: Frames) -> pd.DataFrame:
    """Return the barrier relative to that of the same pair under each control that was measured, over pairs, by model and method."""
    methods = set(_tested(frames)["matching"])
    parts = [
        summarise(relative_pairs(frames, metric, control), [*BY, *Kind._fields], RELATIVE).assign(metric=metric, control=control)
        for metric in BARRIERS
        for control in CONTROLS
        if control in methods
    ]
    return pd.concat(parts).sort_values(["metric", "control", "model"], kind="stable", ignore_index=True)


def ends(frames: Frames) -> pd.DataFrame:
    """Return the networks' own loss and error on the test split by model, over networks, and how much the ends of a pair differ.

    .. math:: |E(A) - E(B)|

    The measures are ``loss`` and ``error``, over networks, each once, and ``loss_difference`` and ``error_difference``, over pairs.
    """
    test = _tested(frames)
    pairs = test[test["matching"] == "identity"]
    by, statistics = ["model", "dataset", "width", "depth"], ["mean", "std", "min", "max"]
    networks = summarise_networks(endpoints(pairs, by), by, list(UNITS))
    parts = [networks.rename(columns={"metric": "measure", "n_networks": "n"})]
    for metric in UNITS:
        gaps = pairs.assign(gap=(pairs[f"{metric}_a"] - pairs[f"{metric}_b"]).abs())
        parts.append(summarise(gaps, by, "gap").rename(columns={"n_pairs": "n"}).assign(measure=f"{metric}_difference"))
    table = pd.concat([part[["measure", *by, "n", *statistics]] for part in parts])
    return table.sort_values(["model", "measure"], ignore_index=True)


def lines(frames: Frames) -> pd.DataFrame:
    """Return loss and error along the line on the test split, over pairs, by model, method and t."""
    curves = _tested(frames, "curves")
    parts = [summarise(curves, [*BY, *Kind._fields, "t"], metric).assign(metric=metric) for metric in UNITS]
    return pd.concat(parts).sort_values(["metric", "model"], kind="stable", ignore_index=True)


def relative_barrier(frames: Frames) -> Figure:
    """Draw loss and error barrier relative to identity, a row of panels per model, methods from top to bottom with their maps."""
    table, test = relative(frames), _tested(frames)
    table = table[table["control"] == "identity"]
    models, methods = sorted(test["model"].unique()), [method for method in test["matching"].unique() if method != "identity"]
    figure, axes = panel_rows(len(models), len(BARRIERS), (4.6, 0.4 * len(methods) + 1.1), share_y=True)
    with figure_style():
        for metric, column in zip(BARRIERS, axes.T, strict=True):
            pairs = relative_pairs(frames, metric)
            for ax, model in zip(column, models, strict=True):
                estimates = table[(table["model"] == model) & (table["metric"] == metric)]
                plot_relative(ax, estimates, pairs[pairs["model"] == model], methods)
                ax.set_xlabel(f"test {metric.replace('_', ' ')} / that of identity")
                panel_title(ax, for_figure(model), STUDY_FONT)
        title = f"small: pairs; large: mean; bar: {kinds_of(table)}\ndashed: identity, the same pairs unmatched"
        legend_of_all(figure, (), title, methods=False)
    return figure


def plot_relative(ax: Axes, table: pd.DataFrame, pairs: pd.DataFrame, methods: list[str]) -> None:
    """Draw relative barriers, a method below the other: the pairs, the mean, its interval."""
    for height, method in enumerate(methods):
        colour, marker = method_look(method, methods)
        row, values = table[table["matching"] == method], pairs.loc[pairs["matching"] == method, RELATIVE]
        ax.plot(drawable(values), np.full(len(values), height + 0.25), marker, color=colour, markersize=2.5, alpha=0.6, linestyle="none")
        ax.hlines([height] * len(row), drawable(row["ci_low"]), drawable(row["ci_high"]), color=colour, linewidth=1.6, alpha=0.7)
        ax.plot(
            drawable(row["mean"]), [height] * len(row), marker, color=colour, markersize=6, linestyle="none", label=method, clip_on=False
        )
    ax.axvline(1.0, color=GREY, linestyle="--", linewidth=1)
    ax.yaxis.set_major_locator(FixedLocator(range(len(methods))))
    ax.yaxis.set_major_formatter(FixedFormatter([_described(method) for method in methods]))
    ax.set_ylim(len(methods) - 0.5, -0.5)
    # An interval of few pairs may be far longer than all that was measured: the axis is that of the pairs, and the table has its ends.
    ax.set_xlim(0.0, 1.25 * float(np.fmax.reduce(drawable(pairs[RELATIVE]), initial=1.0)))


def _described(method: str) -> str:
    """Return the name of a method, and beneath it its maps."""
    kind = KINDS.get(method.partition("[")[0])
    return for_figure(method, LONGEST) + ("" if kind is None or kind.maps == "none" else f"\n({kind.maps})")


def loss_along_the_line(frames: Frames) -> Figure:
    """Draw test loss and error along the line, a row of panels per model: a thin line for each pair, a thick one for their mean."""
    curves = _tested(frames, "curves")
    models = sorted(curves["model"].unique())
    figure, axes = panel_rows(len(models), len(UNITS), (4.4, 3.0))
    with figure_style():
        for row, model in zip(axes, models, strict=True):
            for ax, (metric, unit) in zip(row, UNITS.items(), strict=True):
                plot_curves(curves[curves["model"] == model], metric=metric, ax=ax)
                ax.set_ylabel(f"test {metric} [{unit}]")
                panel_title(ax, for_figure(model), STUDY_FONT)
        legend_of_all(figure, axes.flat, "thin: pairs; thick: mean", methods=True)
    return figure


STUDY = Study(
    may=(),
    apart=("model",),  # two experiments, which differ in most keys
    among={"model": ("vit", "gpt")},
    methods=("identity", "rebasin"),
    tables={"barriers": barriers, "relative": relative, "ends": ends, "lines": lines},
    figures={"relative_barrier": relative_barrier, "loss_along_the_line": loss_along_the_line},
)
