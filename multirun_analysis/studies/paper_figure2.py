"""`paper_figure2`: the paper's two figures as the paper draws them, its values beside ours, and a table of agreement."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.plots.style import FONT, GREY, STUDY_FONT, figure_style, method_look, panel_title
from multirun_analysis.stats.endpoints import endpoints
from multirun_analysis.stats.thresholds import at_most
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.paper_values import DIMENSIONS, ENDPOINTS, LEARNING_RATES, MIDPOINTS, Value
from multirun_analysis.tables.barrier_vs_width import varying_columns
from multirun_analysis.tables.certificates import certificates
from multirun_analysis.tables.dimension_correlations import dimension_correlations

RATE, ORDER = "optimizer.lr", "training.data_order"
OWN, SHARED = "own", "shared"
NAMES = {"weights": "weights (Naive WM)", "covariance": "covariance (WM, ours)", "activations": "activations (AM)"}
LINES = {1: "-", 2: "--", 3: ":"}


def agreement(frames: Frames) -> pd.DataFrame:
    """Return our values beside the paper's, one row for each that the paper gives, and whether they agree.

    The rules, fixed beforehand: end points within 2 of the paper's standard deviations; midpoints within 3 of them or 10 %, whichever is
    more; approximate dimensions within 3 % for weights, 10 % for the others (for covariance at the largest learning rate, where the paper's
    own spread is up to 37 %, within 2 standard deviations). Standard deviations are the population's. Where networks that share their data
    order were trained too, their rows follow.
    """
    parts = []
    for order in (OWN, SHARED):
        runs, layers = _measured(frames["runs"], order), _measured(frames["layers"], order)
        part = pd.DataFrame([*_endpoint_rows(runs), *_midpoint_rows(runs), *_dimension_rows(layers)])
        parts.append(part.assign(data_order=order) if order == OWN else part[part["n"] > 0].assign(data_order=order))
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    table["relative_difference"] = table["ours"] / table["paper"] - 1
    table["agrees"] = at_most((table["ours"] - table["paper"]).abs(), table["tolerance"])
    return table


def _endpoint_rows(runs: pd.DataFrame) -> Iterator[dict[str, object]]:
    for quantity, by_rate in ENDPOINTS.items():
        split, _, measure = quantity.partition(" ")
        for rate, value in by_rate.items():
            networks = endpoints(runs[(runs["split"] == split) & _at(runs, rate)], ["split"])
            values = 1 - networks["error"] if measure == "accuracy" else networks["loss"]
            yield _row(quantity, "", 0, rate, values, value, 2 * value.std, "2 sd")


def _midpoint_rows(runs: pd.DataFrame) -> Iterator[dict[str, object]]:
    for method, by_rate in MIDPOINTS.items():
        for rate, value in by_rate.items():
            cell = runs[(runs["split"] == "test") & (runs["matching"] == method) & _at(runs, rate)]
            yield _row("midpoint loss", method, 0, rate, cell["loss_midpoint"], value, max(3 * value.std, 0.1 * value.mean), "3 sd or 10 %")


def _dimension_rows(layers: pd.DataFrame) -> Iterator[dict[str, object]]:
    for (method, layer), by_rate in DIMENSIONS.items():
        share = 0.03 if method == "weights" else 0.1
        for rate, value in by_rate.items():
            cell = layers[(layers["layer"] == layer) & (layers["matching"] == method) & _at(layers, rate)]
            wide = method == "covariance" and rate == LEARNING_RATES[-1]
            tolerance, rule = (2 * value.std, "2 sd") if wide else (share * value.mean, f"{share:.0%}")
            yield _row("approximate dimension", method, layer, rate, cell["approximate_dimension"], value, tolerance, rule)


def _measured(frame: pd.DataFrame, order: str = OWN) -> pd.DataFrame:
    """Return the rows of networks of a data order that did not diverge; failures.csv has the others."""
    orders = frame[ORDER] if ORDER in frame else pd.Series(OWN, index=frame.index)
    return frame[(frame["status"] == "ok") & (orders == order)]


def _at(frame: pd.DataFrame, rate: float) -> pd.Series:
    """Return which rows have a learning rate, however many digits of it were typed: of several the nearest one."""
    distance = (frame[RATE].astype(float) / rate - 1).abs()
    return (distance < 1e-3) & (distance == distance.min())


def _row(
    quantity: str, method: str, layer: int, rate: float, values: pd.Series, paper: Value, tolerance: float, rule: str
) -> dict[str, object]:
    return {
        "quantity": quantity, "matching": method, "layer": layer or None, RATE: rate, "n": int(values.count()), "ours": values.mean(),
        "ours_std": values.std(ddof=0), "paper": paper.mean, "paper_std": paper.std, "tolerance": tolerance, "rule": rule,
    }  # fmt: skip


def lmc_error(frames: Frames) -> Figure:
    """Draw the test loss at the midpoint against the learning rate, with the networks' own loss."""
    runs = _measured(frames["runs"])
    test = runs[runs["split"] == "test"]
    with figure_style():
        figure = Figure(figsize=(9.6, 4.3), layout="constrained")
        ax, last = figure.subplots(1, 2, width_ratios=(3, 2))
        for method, name in NAMES.items():
            colour, marker = method_look(method, list(NAMES))
            cells = test[test["matching"] == method].groupby(RATE)["loss_midpoint"]
            _line(ax, cells.mean(), cells.std(ddof=0), colour, marker, "-", name)
            _paper(ax, MIDPOINTS[method], colour, marker)
        own = endpoints(test, [RATE]).groupby(RATE)["loss"]
        _line(ax, own.mean(), own.std(ddof=0), "black", "o", "-", "model (the networks' own)")
        _paper(ax, ENDPOINTS["test loss"], "black", "o")
        middle = test[test["matching"] == "identity"].groupby(RATE)["loss_midpoint"]
        _line(ax, middle.mean(), middle.std(ddof=0), method_look("identity", [])[0], "x", "--", "identity (no matching)")
        ax.set_ylabel("test loss at t = ½ [nats]")
        _finish(figure, ax)
        _largest_rate(frames, last)
    return figure


def _largest_rate(frames: Frames, ax: Axes) -> None:
    """Draw the midpoint losses at the largest learning rate, where the order of the methods turns: the pairs, the paper's beside them."""
    for order, shift, marker in ((OWN, -0.2, "o"), (SHARED, 0.0, "s")):
        runs = _measured(frames["runs"], order)
        for k, method in enumerate(NAMES):
            cell = runs[(runs["split"] == "test") & (runs["matching"] == method) & _at(runs, LEARNING_RATES[-1])]["loss_midpoint"]
            colour = method_look(method, list(NAMES))[0]
            x = k + shift
            ax.plot([x] * len(cell), cell, marker, color=colour, markersize=3.5, alpha=0.6, linestyle="none")
            ax.plot([x - 0.08, x + 0.08], [cell.mean()] * 2, color=colour, linewidth=2)
        if len(runs):
            label = {OWN: "each network its own data order", SHARED: "one data order for A and B"}[order]
            ax.plot([], [], marker, color=GREY, markersize=4, label=label)
    for k, method in enumerate(NAMES):
        value, colour = MIDPOINTS[method][LEARNING_RATES[-1]], method_look(method, list(NAMES))[0]
        ax.errorbar(
            [k + 0.2], [value.mean], [value.std], fmt="D", color=colour, markerfacecolor="white", markersize=6, linewidth=1, capsize=2
        )
    ax.plot([], [], "D", color=GREY, markerfacecolor="white", label="Ferbach et al. 2024, ± 1 sd")
    ax.set_xticks(range(len(NAMES)), list(NAMES))
    panel_title(ax, f"at learning rate {LEARNING_RATES[-1]:g}", STUDY_FONT)
    ax.legend(fontsize=7.5, loc="lower right")


def approximate_dimension(frames: Frames) -> Figure:
    """Draw the approximate dimension of network A against the learning rate, as the paper has it and of the centred matrices."""
    layers = _measured(frames["layers"])
    with figure_style():
        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for ax, column in ((left, "approximate_dimension"), (right, "approximate_dimension_centred")):
            for method, name in NAMES.items():
                colour, marker = method_look(method, list(NAMES))
                for layer, style in LINES.items():
                    cells = layers[(layers["matching"] == method) & (layers["layer"] == layer)].groupby(RATE)[column]
                    _line(ax, cells.mean(), cells.std(ddof=0), colour, marker, style, f"{name}, layer {layer}")
                    if ax is left:
                        _paper(ax, DIMENSIONS[method, layer], colour, marker)
            ax.set_ylabel("approximate dimension of network A")
        panel_title(left, "as in the paper's notebook", STUDY_FONT)
        panel_title(right, "means taken away", STUDY_FONT)
        _finish(figure, left, right)
    return figure


def _line(ax: Axes, mean: pd.Series, std: pd.Series, colour: str, marker: str, style: str, label: str) -> None:
    rates = mean.index.to_numpy(dtype=float)
    ax.plot(rates, mean.to_numpy(), marker=marker, markersize=4, color=colour, linestyle=style, linewidth=1.3, label=label)
    ax.fill_between(rates, (mean - std).to_numpy(), (mean + std).to_numpy(), color=colour, alpha=0.15, linewidth=0)


def _paper(ax: Axes, values: dict[float, Value], colour: str, marker: str) -> None:
    """Draw the paper's values as open markers, with their standard deviations where they are known."""
    rates = list(values)
    means, stds = [value.mean for value in values.values()], [value.std for value in values.values()]
    ax.errorbar(rates, means, stds, fmt=marker, color=colour, markerfacecolor="none", markersize=8, linewidth=1, capsize=3)


def _finish(figure: Figure, *axes: Axes) -> None:
    for ax in axes:
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("peak learning rate")
        ax.set_xlim(0.8 * LEARNING_RATES[0], 1.4 * LEARNING_RATES[-1])
    handles, labels = axes[0].get_legend_handles_labels()
    title = "lines: ours, mean and ± 1 sd over pairs (model: over networks)\nopen markers: Ferbach et al. 2024"
    figure.legend(handles, labels, ncols=3, loc="outside upper center", title=title, fontsize=7.5, title_fontsize=FONT)


STUDY = Study(
    needs=(RATE,),
    may=(ORDER,),
    methods=("identity", *NAMES),
    among={"depth": (len(LINES),), RATE: LEARNING_RATES},
    dataset="mnist",
    tables={
        "agreement": agreement,
        "dimension_correlations": lambda frames: dimension_correlations(_measured(frames["runs"]), _measured(frames["layers"]), [RATE]),
        "certificates": lambda frames: certificates(frames["runs"], (*varying_columns(frames["runs"]), "matching")),
    },
    figures={"lmc_error": lmc_error, "approximate_dimension": approximate_dimension},
)
