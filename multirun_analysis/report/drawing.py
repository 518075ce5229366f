"""Drawing the figures of sweeps, and the page that shows them beside the tables."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from multirun_analysis import plots
from multirun_analysis.common.side_by_side import side_by_side
from multirun_analysis.frames import tidy
from multirun_analysis.frames.planes import find_planes
from multirun_analysis.frames.tidy import Sweep
from multirun_analysis.output.figures import figure_png, figure_svg, lay_out, save_figure
from multirun_analysis.output.files import write_text
from multirun_analysis.page import REPORT_FILE, sections
from multirun_analysis.page.page import Picture, png_picture
from multirun_analysis.plots.base import SweepFigure
from multirun_analysis.plots.hover import Taken, hover_svg
from multirun_analysis.plots.interpolation_curves import shown_jobs
from multirun_analysis.records.commands import load_commands
from multirun_analysis.report.unchanged import last_line
from multirun_analysis.tables.cells import fixed_keys

BRIEF = "barrier_vs_width"  # the figure of a brief page, for which frames are read; one of a user's own may need others
LARGEST_SVG = 2_000_000  # letters; a figure with more points is a picture on the page


def write_page(
    sweep: Sweep,
    frames: Mapping[str, pd.DataFrame],
    sweep_dirs: Sequence[Path],
    folder: Path,
    x: str = "width",
    hue: str = "matching",
    *,
    title: str | None = None,
    brief: bool = False,
    files: bool = True,
    digest: str = "",
    processes: int = 1,
    refresh: float | None = None,
) -> tuple[str, ...]:
    """Draw the figures and write ``report.html``; return notes on files that were left out.

    Parameters
    ----------
    sweep, frames
        What `find_sweep` and `sweep_frames` return.
    sweep_dirs : sequence of Path
    folder : Path
    x, hue : str
    title : str, optional
        The names of the sweeps if not given.
    brief : bool
        Draw the figure `barrier_vs_width` only.
    files : bool
        Write each figure as PNG and PDF too.
    digest : str
        Of what the page is made of (`unchanged.made_of`), which its last line then says.
    processes : int
        That draw side by side.
    refresh : float, optional
        Seconds after which a browser loads the page again.
    """
    kinds = plots.choices()
    more: tuple[str, ...] = ()
    if brief:
        kinds = {name: kind for name, kind in kinds.items() if name == BRIEF}
    else:
        planes = find_planes(sweep, sweep_dirs)
        curves = tidy.curves_frame(sweep, shown_jobs(frames["runs"], fixed_keys(frames["barrier_vs_width"], x, hue)))
        frames, more = {**frames, "planes": planes.frame, "curves": curves}, planes.notes
    within = processes if len(kinds) == 1 else 1  # of several figures each is drawn by one process
    calls = [partial(_picture, name, kind, frames, x, hue, folder if files else None, within) for name, kind in kinds.items()]
    pictures = [picture for picture in side_by_side(calls, processes) if picture is not None]
    names = ", ".join("/".join(sweep_dir.resolve().parts[-2:]) for sweep_dir in sweep_dirs)  # Hydra's own names are a date and a time
    text = sections.sweep_page(title or f"Sweep {names}", sweep, frames, pictures, load_commands(sweep_dirs), x, hue, more, refresh)
    end = last_line(digest, [file for picture in pictures for file in picture.files.split(", ")]) if digest else ""
    write_text(text + end, folder / REPORT_FILE)
    return more


def _picture(
    name: str, kind: SweepFigure, frames: Mapping[str, pd.DataFrame], x: str, hue: str, folder: Path | None, processes: int
) -> Picture | None:
    """Return a figure for the page, with values on hover, or as a PNG where that is too large, and write its files into a folder."""
    figure = kind.draw(frames, x, hue)
    if not figure:
        return None
    lay_out(figure)
    title = kind.title.format(x=x)
    files = [] if folder is None else [folder / f"{name}{ending}" for ending in (".pdf", ".png")]
    again = partial(kind.draw, frames, x, hue)
    last = partial(_shown, name, title, figure, again)  # it takes the figure apart
    calls: list[Callable[[], Any]] = [*(partial(save_figure, figure, file) for file in files), last]
    shown = side_by_side(calls, processes)[-1]
    return Picture(name, title, kind.full_caption(), shown, ", ".join(file.name for file in reversed(files)))


def _shown(name: str, title: str, figure: Figure, again: Callable[[], Figure | None]) -> Taken | Markup:
    taken = hover_svg(figure, figure_svg, name)
    if len(taken) <= LARGEST_SVG or (whole := again()) is None:
        return taken
    lay_out(whole)
    return png_picture(figure_png(whole), title, whole.get_figwidth())
