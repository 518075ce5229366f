"""Rows of panels: one for each set of the keys that a figure holds fixed."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multirun_analysis.common.media import for_figure, from_figure
from multirun_analysis.frames.tidy import cell_title
from multirun_analysis.plots.marks import ROW_TITLE
from multirun_analysis.plots.paper import NOTE, paper
from multirun_analysis.plots.style import FONT, LONGEST, figure_style, panel_title, scaled
from multirun_analysis.records.labels import method_order

LETTERS_PER_INCH, FEWEST_LETTERS, MOST_LETTERS = 15, 20, 300  # of such a title
MARGIN = 1.0  # inches, of the figure beside it


def panel_rows(
    rows: int, columns: int, size: tuple[float, float] = (4.6, 3.2), *, share_x: bool = False, share_y: Literal["row"] | bool = False
) -> tuple[Figure, np.ndarray]:
    """Return a figure in the style of all figures, with `rows` times `columns` panels of a size in inches, and its axes (rows, columns)."""
    with figure_style():
        whole = (size[0] * columns, size[1] * rows + 0.6)
        figure = Figure(figsize=whole if (of_paper := paper()) is None else of_paper.size or whole, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=share_x, sharey=share_y)
    return figure, axes


def row_title(ax: Axes, keys: Sequence[str], key: Iterable[object], panel: str = "") -> None:
    """Write the keys of a row's cell above its first panel, and under them the title of that panel.

    The keys may reach over the neighbours: they take no room in the layout, for a long title would make its panel's column wide. Where
    they are wider than the figure they are broken into lines, for which the title leaves room.
    """
    figure = ax.get_figure()
    width = figure.get_figwidth() if isinstance(figure, Figure) else 1e9
    shown = from_figure(for_figure(cell_title(keys, key), MOST_LETTERS))  # broken before it is escaped, for both would tear escapes
    lines = [for_figure(line) for line in textwrap.wrap(shown, max(FEWEST_LETTERS, int((width - MARGIN) * LETTERS_PER_INCH)))] or [""]
    panel_title(ax, "\n" * (len(lines) - (not panel)) + (panel or " "))
    lift = 6 + (1.3 * FONT if panel else 0)
    title = ax.annotate("\n".join(lines), (0, 1), (0, lift), "axes fraction", "offset points", fontsize=scaled(FONT))
    title.set_in_layout(False)
    vars(ax)[ROW_TITLE] = title


def label_first(row: np.ndarray, label: str | None = None) -> None:
    """Write the vertical axis of a row, whose panels share it, at the first of them that is drawn: the others have no numbers."""
    for first in row[[ax.axison for ax in row]][:1]:  # none, where the values chosen are not among this row's
        first.tick_params(labelleft=True)
        if label is not None:
            first.set_ylabel(label)


def differing(keys: Sequence[str], key: Sequence[object], others: Sequence[Sequence[object]]) -> tuple[list[str], list[object]]:
    """Return the keys of a cell and their values, for the title of its panels: in a paper those only in which the cells differ."""
    if paper() is None:
        return list(keys), list(key)
    shown = [k for k in range(len(keys)) if len({other[k] for other in others}) > 1]
    return [keys[k] for k in shown], [key[k] for k in shown]


def same_limits(panels: Iterable[Axes]) -> None:
    """Give panels one vertical scale: from the lowest of their ends to the highest."""
    panels = list(panels)
    limits = np.array([ax.get_ylim() for ax in panels])
    plt.setp(panels, ylim=(limits[:, 0].min(), limits[:, 1].max()))


def join_panels(axes: np.ndarray, count: int) -> None:
    """Let the first panels of a grid, which show one measure in several cells, share their scale and its label; hide the others.

    In a figure of several columns the label of the horizontal axis stands once, in the middle.
    """
    panels = list(axes.flat)
    same_limits(panels[:count])
    for ax in panels[count:]:
        ax.set_axis_off()
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
        ax.tick_params(labelleft=False)
    figure = panels[0].get_figure()
    if axes.shape[1] > 1 and isinstance(figure, Figure):
        figure.supxlabel(panels[0].get_xlabel(), fontsize=plt.rcParams["axes.labelsize"])
        plt.setp(panels, xlabel="")


def value_title(key: str, value: Any) -> str:
    """Return the title of the panel of one value of a key."""
    shown = f"{value:.3g}" if isinstance(value, float) else for_figure(value, LONGEST // 2)
    return f"{for_figure(key, LONGEST // 2)} {shown}"


def legend_of_all(figure: Figure, axes: Iterable[Axes], title: str, *left_out: str, methods: bool, columns: int = 6) -> None:
    """Put one legend of what any of the panels shows above them all, as drawn, or in the usual order of methods.

    Under its title stands what the figure leaves out, as `left_out` of the tables' cells says it.
    """
    shown = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    labels = sorted(shown, key=method_order) if methods else list(shown)
    handles = [shown[label] for label in labels]
    omissions = "; ".join(sentence for sentence in left_out if sentence)
    title = f"{title}\n{omissions}" if omissions else title
    names = [for_figure(from_figure(label), LONGEST) for label in labels]  # as they are told apart, then as they fit
    vars(figure)[NOTE] = title
    title = "" if paper() is not None else title  # of a paper it stands in the caption
    for ncols in range(max(1, min(columns, len(labels))), 0, -1):  # as many as are no wider than the figure
        legend = figure.legend(handles, names, ncols=ncols, loc="outside upper center", title=title or None)
        if ncols == 1 or legend.get_window_extent().width <= figure.bbox.width:
            break
        legend.remove()
