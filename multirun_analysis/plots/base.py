"""What a figure of every sweep is: a picture of the frames, with a title and a sentence that says how to read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis.tables.names import METRICS

Frames = Mapping[str, pd.DataFrame]  # runs, curves, layers, barrier_vs_width, connected_share, ..., as `sweep_frames` returns them


def shown_metrics(frames: Frames) -> list[str]:
    """Return the measures of which a figure has a panel each: loss and error, or what is left of them where a reader asked for one."""
    table = frames["barrier_vs_width"]
    measured = set(table.loc[table["split"] == "test", "metric"])
    return [metric for metric in METRICS if metric in measured] or sorted(measured)


@dataclass(frozen=True)
class SweepFigure:
    """A figure that every sweep gets where it has something to show.

    `draw(frames, x, hue)` returns None where it has not. The title may name ``{x}``. A report shows its figures by ascending `order`.
    With `of_metrics` it has panels for the measures that the frames hold, loss and error barrier or a single one (`shown_metrics`), and its
    caption may name ``{measures}``. What the caption says `of_control` holds where identity is shown, and `more` is for the page alone.
    """

    title: str
    caption: str
    draw: Callable[[Frames, str, str], Figure | None]
    order: int = 50
    of_metrics: bool = False
    of_control: str = ""
    more: str = ""

    def full_caption(self, measures: str = "loss and error", has_control: bool = True, on_page: bool = True) -> str:
        """Return the caption of what is shown: of loss and error or one of them, with the control or without, on a page or in a paper."""
        parts = [self.caption.format(measures=measures), self.of_control if has_control else "", self.more if on_page else ""]
        return " ".join(part for part in parts if part)
