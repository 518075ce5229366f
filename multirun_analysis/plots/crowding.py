"""Letters that have no room: labels of ticks that would touch are set aslant, and letters that overlap or are cut off are told of."""

from collections.abc import Iterable
from itertools import combinations, pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from multirun_analysis.plots.canvas import arrange

GAP = 4  # pixels between the labels of two ticks, which stand aslant where they are closer
SLANT = 60  # degrees
SLACK = 1.5  # pixels by which boxes of letters may overlap: they are somewhat larger than the letters


def set_aslant(figure: Figure, axes: Iterable[Axes]) -> None:
    """Set the labels of ticks aslant that would touch otherwise, and lay the figure out again."""
    arrange(figure)
    for ax in axes:
        boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
        labels = sorted((box.x0, box.x1) for box in boxes)
        gaps = [right[0] - left[1] for left, right in pairwise(labels)]
        if ax.axison and min(gaps, default=GAP) < GAP:
            ax.tick_params(axis="x", rotation=SLANT)
    arrange(figure)


def crowding(figure: Figure) -> str:
    """Return what is wrong with the letters of a figure, in words: empty where none overlap and none are cut off."""
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in _texts(figure)]
    if any(_overlap(*pair) for pair in combinations(boxes, 2)):
        return "letters overlap"
    whole = figure.bbox.padded(SLACK)
    return "letters are cut off" if any(not _is_within(box, whole) for box in boxes) else ""


def _texts(figure: Figure) -> list[Text]:
    """Return the letters that take room: of axes, titles, cells and legends."""
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for ax in figure.axes:
        if ax.axison:
            texts += [ax.title, *ax.texts, ax.xaxis.label, ax.yaxis.label]
            for axis in (ax.xaxis, ax.yaxis):
                low, high = sorted(axis.get_view_interval())
                texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high and tick.label1.get_visible()]
    upright = [text for text in texts if not text.get_rotation() % 90]  # boxes of others are larger than their letters
    return [text for text in upright if text.get_visible() and text.get_text().strip() and text.get_in_layout()]


def _overlap(one: Bbox, other: Bbox) -> bool:
    common = Bbox.intersection(one, other)
    return common is not None and common.width > SLACK and common.height > SLACK


def _is_within(box: Bbox, whole: Bbox) -> bool:
    return bool(whole.x0 <= box.x0 and whole.y0 <= box.y0 and box.x1 <= whole.x1 and box.y1 <= whole.y1)
