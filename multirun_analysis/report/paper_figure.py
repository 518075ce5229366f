"""A figure of a sweep for a paper: what it shows, its size and style, its files, and a caption that says what stands in it."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from multirun_analysis import plots
from multirun_analysis.checks import InputError, nearest
from multirun_analysis.common.media import for_latex, from_figure
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.planes import find_planes
from multirun_analysis.frames.tidy import Sweep, curves_frame, value_text
from multirun_analysis.output.figures import save_figure, save_pgf
from multirun_analysis.output.files import write_text
from multirun_analysis.plots.base import Frames, SweepFigure
from multirun_analysis.plots.crowding import crowding, set_aslant
from multirun_analysis.plots.interpolation_curves import shown_jobs
from multirun_analysis.plots.paper import NOTE, for_paper
from multirun_analysis.report.paper_options import check_size, style_settings, style_size
from multirun_analysis.schema import ANALYSIS_FOLDER
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.tables.cells import fixed_keys
from multirun_analysis.tables.names import FORMATS, TABLES
from multirun_analysis.tables.pivots import pivot
from multirun_analysis.tables.sweep import sweep_frames

FOLDER = "paper"  # in that of the analysis
DRAWN = "barrier_vs_width"
SHOWN = "loss_barrier"
CONTROL = "identity"
SETTINGS = ("dataset", "model", "depth", "optimizer")  # that a caption names where they are one


@dataclass(frozen=True)
class PaperFigure:
    """What a figure for a paper shows, and how.

    Parameters
    ----------
    name : str
        Of one of the figures of a report.
    x, hue : str
        The keys that make its axis and its lines.
    metric : str, optional
        The only measure that it has a panel of; loss and error barrier, if not given.
    select : mapping of str to sequence of str
        The values that keys may have; of other keys all.
    size : tuple of float, optional
        Width and height in inches; as in the report, or as a style says, if not given.
    styles : sequence of str
        Of matplotlib, by name or as the file of one; or ``tueplots.icml2022``, a bundle of tueplots. One may stand alone.
    level_line : float, optional
        A barrier at which a dotted line is drawn.
    """

    name: str = DRAWN
    x: str = "width"
    hue: str = "matching"
    metric: str | None = None
    select: Mapping[str, Sequence[str]] = field(default_factory=dict)
    size: tuple[float, float] | None = None
    styles: str | Sequence[str] = ()
    level_line: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.styles, str):
            object.__setattr__(self, "styles", (self.styles,))

    @property
    def kind(self) -> SweepFigure:
        """The figure of a report that it is.

        Raises
        ------
        InputError
            If there is none of its name.
        """
        choices = plots.choices()
        if self.name not in choices:
            raise InputError(f"`--figure` must be one of {', '.join(choices)}, got {self.name!r}.{nearest(self.name, choices)}")
        return choices[self.name]

    def draw(self, sweep: Sweep, sweep_dirs: Any, choice: IntervalChoice = DEFAULT) -> tuple[Figure, Frames]:
        """Return the figure, and the frames of what it shows.

        Raises
        ------
        InputError
            If there is no such figure, measure, key, value or style, or nothing to be shown.
        """
        kind, settings, size = self.kind, style_settings(self.styles), self.size or style_size(self.styles)
        self._check(kind)
        if size is not None:
            check_size(size)
        frames = sweep_frames(sweep, [name for name in TABLES if name != "curves"], choice)
        pivot(frames[DRAWN], frames["runs"], SHOWN, x=self.x, hue=self.hue)  # which refuses what is no key
        frames = self._shown({**frames, "planes": find_planes(sweep, sweep_dirs).frame})
        curves = curves_frame(sweep, shown_jobs(frames["runs"], fixed_keys(frames[DRAWN], self.x, self.hue)))
        frames["curves"] = self._selected(curves)
        with for_paper(size, settings):
            figure = kind.draw(frames, self.x, self.hue)
        if figure is None:
            raise InputError(f"`--figure` {self.name} has nothing to show of this sweep{' with what was selected' if self.select else ''}.")
        if size is not None:
            figure.set_size_inches(size)  # of figures too that are laid out by themselves
            with for_paper(size, settings), _room_or_refusal(size):
                set_aslant(figure, figure.axes)
        if self.level_line is not None:
            _draw_line(figure, self.level_line)
        return figure, frames

    def _check(self, kind: SweepFigure) -> None:
        """Raise `InputError` if a measure or a line was asked for that this figure has no place for."""
        if self.metric is not None and not kind.of_metrics:
            names = [name for name, each in plots.choices().items() if each.of_metrics]
            raise InputError(f"`--metric` must not be set for {self.name}, whose measures are its own; it is for {', '.join(names)}.")
        if self.level_line is None:
            return
        if self.name != DRAWN or self.metric is None:
            raise InputError(f"`--line` is for --figure {DRAWN} with the --metric whose value it marks.")
        if not math.isfinite(self.level_line):
            raise InputError(f"`--line` must be a number, got {self.level_line:g}.")

    def _shown(self, frames: Frames) -> dict[str, pd.DataFrame]:
        table = frames[DRAWN]
        keys = [*table.columns[: list(table.columns).index("split")], "width"]
        for key, values in self.select.items():
            if key not in keys:
                raise InputError(f"`--select` must name one of {', '.join(keys)}, got {key!r}.{nearest(key, keys)}")
            values_of_key = dict.fromkeys(map(value_text, table[key]))
            for value in values:
                if value not in values_of_key:
                    raise InputError(f"`--select` {key} must be one or several of {', '.join(values_of_key)}, got {value!r}.")
        shown = {name: self._selected(frame) for name, frame in frames.items()}
        if self.metric is not None:
            metrics = [name for name in dict.fromkeys(table["metric"]) if name.startswith(("loss", "error"))]
            if self.metric not in metrics:
                raise InputError(f"`--metric` must be one of {', '.join(metrics)}, got {self.metric!r}.{nearest(self.metric, metrics)}")
            shown[DRAWN] = shown[DRAWN][shown[DRAWN]["metric"] == self.metric]
        return shown

    def _selected(self, frame: pd.DataFrame) -> pd.DataFrame:
        for key, values in self.select.items():
            if key in frame:
                frame = frame[frame[key].map(value_text).isin(values)]
        return frame

    def caption(self, figure: Figure, frames: Frames) -> str:
        """Return what a reader of the figure must know, in sentences: what is shown, how it is drawn, of which networks and how many."""
        kind, table = self.kind, frames[DRAWN]
        metric = "" if self.metric is None else self.metric.replace("_", " ")
        note = from_figure(str(vars(figure).get(NOTE, ""))).replace("\n", "; ")
        caption = kind.full_caption(metric.partition(" ")[0] or "loss and error", bool((table["matching"] == CONTROL).any()), on_page=False)
        sentences = [
            kind.title.format(x=self.x) + (f" (test {metric})" if metric else ""),
            caption.rstrip("."),
            note[:1].upper() + note[1:],
        ]
        if self.level_line is not None:
            sentences.append(f"Dotted line: a test {metric} of {self.level_line:g}")
        keys = [key for key in (*SETTINGS, *self.select) if key in table and key not in (self.x, self.hue)]
        ones = {key: table[key].iloc[0] for key in keys if table[key].nunique() == 1}
        sentences.append(", ".join(f"{key} {value_text(value)}" for key, value in ones.items()))
        counts = table.loc[table["n_pairs"] > 0, "n_pairs"]
        if len(counts):
            sentences.append(f"{_range(counts)} pairs of networks for each value")
        return " ".join(f"{sentence}." for sentence in sentences if sentence)


@contextmanager
def _room_or_refusal(size: tuple[float, float]) -> Iterator[None]:
    """Raise `InputError` where labels leave no room for panels, of which matplotlib warns."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="constrained_layout not applied")
        try:
            yield
        except UserWarning as warning:
            raise InputError(f"a figure of {size[0]:g} x {size[1]:g} inches has no room for its panels beside their labels.") from warning


def too_small(figure: Figure) -> str:
    """Return a sentence on a figure whose letters have no room, and what helps; empty where they have."""
    if not (fault := crowding(figure)):
        return ""
    width, height = figure.get_size_inches()
    return f"{fault} at {width:g} x {height:g} inches: show less with --metric or --select, or give the figure another --size."


def _draw_line(figure: Figure, level: float) -> None:
    """Draw a dotted line across every panel of barriers, which are made high enough for it."""
    for ax in figure.axes:
        if ax.axison:
            low, high = ax.get_ylim()
            ax.set_ylim(min(low, level), max(high, 1.1 * level))
            ax.axhline(level, color="black", linewidth=0.8, linestyle=":")


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def write_paper_figure(
    sweep_dirs: Sequence[Path],
    chosen: PaperFigure,
    formats: Sequence[str],
    out: Path | None = None,
    choice: IntervalChoice = DEFAULT,
    warn: Callable[[str], object] = warnings.warn,
) -> list[Path]:
    """Write a figure for a paper, a file for each format, and a LaTeX file that includes it with a caption and a label.

    Parameters
    ----------
    sweep_dirs : sequence of Path
    chosen : PaperFigure
    formats : sequence of str
        Of ``pdf``, ``png``, ``svg`` and ``pgf``, which needs LaTeX.
    out : Path, optional
        A folder; ``analysis/paper`` in the sweep's, if not given.
    choice : IntervalChoice
        The interval of means.
    warn : callable
        Called with a sentence where letters of the figure have no room.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If anything was asked for that is not there.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"`--format` must be one or several of {', '.join(FORMATS)}, got {name!r}.")
    folder = out if out is not None else (sweep_dirs[0] if len(sweep_dirs) == 1 else Path()) / ANALYSIS_FOLDER / FOLDER
    figure, frames = chosen.draw(find_sweep(sweep_dirs), sweep_dirs, choice)
    files = [folder / f"{chosen.name}.{name}" for name in formats]
    if sentence := too_small(figure):
        warn(sentence)
    with for_paper(None, style_settings(chosen.styles)):
        for file in sorted(files, key=lambda file: file.suffix == ".pgf"):  # which is the last that can be made of a figure
            (save_pgf if file.suffix == ".pgf" else save_figure)(figure, file)
    text = folder / f"{chosen.name}.tex"
    write_text(_latex(chosen.name, formats, chosen.caption(figure, frames)), text)
    return [*files, text]


def _latex(name: str, formats: Sequence[str], caption: str) -> str:
    r"""Return the float of a figure: ``\input`` it in a document with ``\usepackage{graphicx}``, or pgf where that is the format."""
    # Matplotlib sets the numbers of ticks with a command of its own.
    pgf = rf"\providecommand{{\mathdefault}}[1]{{#1}}\input{{{name}.pgf}}"
    takes_file = bool({"pdf", "png"} & set(formats))
    included = pgf if "pgf" in formats and not takes_file else rf"\includegraphics{{{name}}}"
    lines = [] if takes_file or "pgf" in formats else ["% LaTeX takes no SVG by itself: --format pdf writes what it takes."]
    lines += [
        r"\begin{figure}",
        r"  \centering",
        f"  {included}",
        rf"  \caption{{{for_latex(caption)}}}",
        rf"  \label{{fig:{name}}}",
        r"\end{figure}",
    ]
    return "\n".join(lines) + "\n"
