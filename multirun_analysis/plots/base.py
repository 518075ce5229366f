"""What a figure of every sweep is: a picture of the frames, with a title and a sentence that says how to read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

METRICS = ("loss_barrier", "error_barrier")  # that figures and pages show; the tables have more
Frames = Mapping[str, pd.DataFrame]  # runs, curves, layers, barrier_vs_width, connected_share, ..., as `sweep_frames` returns them


@dataclass(frozen=True)
class SweepFigure:
    """A figure that every sweep gets where it has something to show.

    `draw(frames, x, hue)` returns None where it has not. The title may name ``{x}``. A report shows its figures by ascending `order`.
    """

    title: str
    caption: str
    draw: Callable[[Frames, str, str], Figure | None]
    order: int = 50
