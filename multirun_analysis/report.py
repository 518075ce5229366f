"""Writing the analysis of sweeps: CSVs, figures, the page, and the text that a terminal shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from multirun_analysis import plots, tidy
from multirun_analysis.commands import load_commands
from multirun_analysis.csv_text import write_curves
from multirun_analysis.discovery import find_sweep
from multirun_analysis.outputs import figure_png, figure_svg, lay_out, save_figure, write_by, write_csv, write_text
from multirun_analysis.page import sections
from multirun_analysis.page.page import Picture, png_picture
from multirun_analysis.planes import find_planes
from multirun_analysis.plots.hover import hover_svg
from multirun_analysis.plots.interpolation_curves import shown_jobs
from multirun_analysis.plots.panels import MOST_CELLS, MOST_ROWS, SAMPLE, fixed_keys
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.stats.summary import kinds_of
from multirun_analysis.tables.barrier_vs_width import barrier_vs_width
from multirun_analysis.tables.connected_share import connected_share
from multirun_analysis.tables.matching_costs import matching_costs
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.pivots import Block, pivot, pivot_latex, pivot_markdown, pivot_text
from multirun_analysis.tables.slopes import slopes
from multirun_analysis.tables.width_needed import width_needed
from multirun_analysis.tidy import Sweep

MOST_FAILURES = 10  # on the terminal; failures.csv has all
LARGEST_SVG = 2_000_000  # letters; a figure with more points is a picture on the page
WIDE = 6.5  # inches, from which a figure is scrolled on a phone


@dataclass(frozen=True)
class Report:
    """What was written where, and what a terminal shows of it: a heading, the table, what was found, failures, and notes."""

    folder: Path
    heading: str
    blocks: tuple[Block, ...]
    found: str
    failures: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where everything lies."""
        return f"Tables, figures and report.html: {self.folder}"

    @property
    def text(self) -> str:
        """All of it as plain text."""
        table = pivot_text(self.blocks) if self.blocks else "(no results yet)"
        return "\n".join([self.heading, "", table, "", self.found, *(f"  {line}" for line in (*self.failures, *self.notes)), self.place])


def write_report(
    sweep_dirs: Sequence[Path],
    out: Path | None = None,
    x: str = "width",
    hue: str = "matching",
    *,
    choice: IntervalChoice = DEFAULT,
    brief: bool = False,
) -> Report:
    """Write the tables, the figures and the page of sweeps, and return what a terminal shows of them.

    Parameters
    ----------
    sweep_dirs : sequence of Path
        Folders of sweeps; a job found in several counts once.
    out : Path, optional
        Where to write; ``analysis`` in the sweep's folder, or in the working directory for several sweeps, if not given.
    x, hue : str
        The keys that make the rows and columns of the table, and the axis and the lines of the figures.
    choice : IntervalChoice
        The interval of the means.
    brief : bool
        Draw the first figure only, as a sweep does at its end: the others take longer than many a sweep.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If a folder does not exist or holds no job, or `x` or `hue` is no key of the sweep.
    """
    sweep = find_sweep(sweep_dirs)
    folder = out if out is not None else (sweep_dirs[0] if len(sweep_dirs) == 1 else Path()) / "analysis"
    frames = sweep_frames(sweep, curves=False, choice=choice)
    table = frames["barrier_vs_width"]
    pivots = {".md": pivot_markdown(table, x=x, hue=hue), ".tex": pivot_latex(table, x=x, hue=hue)}
    for name, frame in frames.items():
        write_csv(frame, folder / f"{name}.csv")
    write_by(folder / "curves.csv", partial(write_curves, sweep))  # by far the longest: never a frame as a whole
    for ending, text in pivots.items():
        write_text(text, folder / f"barrier_vs_width{ending}")
    more = write_page(sweep, frames, sweep_dirs, folder, x, hue, brief=brief)
    return _report(sweep, table, folder, x, hue, more)


def sweep_frames(sweep: Sweep, curves: bool = True, choice: IntervalChoice = DEFAULT) -> dict[str, pd.DataFrame]:
    """Return the tables that every sweep has, by the names of their CSVs; without the curves, which are long, if so asked."""
    runs, layers = tidy.runs_frame(sweep), tidy.layers_frame(sweep)
    table = barrier_vs_width(runs, tidy.expected_frame(sweep), choice)
    return {
        "runs": runs,
        **({"curves": tidy.curves_frame(sweep)} if curves else {}),
        "layers": layers,
        "barrier_vs_width": table,
        "failures": sweep.failures,
        "method_differences": method_differences(runs, choice),
        "slopes": slopes(runs),
        "width_needed": width_needed(table),
        "connected_share": connected_share(runs, choice=choice),
        "matching_costs": matching_costs(layers, choice),
    }


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
) -> tuple[str, ...]:
    """Draw the figures and write ``report.html``; return what must be said of files that were left out.

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
        Draw the first figure only.
    files : bool
        Write each figure as PNG and PDF too.
    """
    wanted = plots.choices()
    more: tuple[str, ...] = ()
    if brief:
        wanted = dict([next(iter(wanted.items()))])
    else:
        planes = find_planes(sweep, sweep_dirs)
        curves = tidy.curves_frame(sweep, shown_jobs(frames["runs"], fixed_keys(frames["barrier_vs_width"], x, hue)))
        frames, more = {**frames, "planes": planes.frame, "curves": curves}, planes.notes
    place = folder if files else None
    drawn = [
        _drawn(name, kind.title.format(x=x), kind.caption, figure, place)
        for name, kind in wanted.items()
        if (figure := kind.draw(frames, x, hue))
    ]
    names = ", ".join("/".join(of.resolve().parts[-2:]) for of in sweep_dirs)  # Hydra's own names are a date and a time
    text = sections.sweep_page(title or f"Sweep {names}", sweep, frames, drawn, load_commands(sweep_dirs), x, hue, more)
    write_text(text, folder / "report.html")
    return more


def _drawn(name: str, title: str, caption: str, figure: Figure, folder: Path | None) -> Picture:
    """Return a figure for the page, with values on hover, or as a picture where that would be too large; write its files, if asked."""
    lay_out(figure)
    files = [] if folder is None else [folder / f"{name}{ending}" for ending in (".png", ".pdf")]
    for file in files:
        save_figure(figure, file)
    svg, inches = hover_svg(figure, figure_svg, name), figure.get_figwidth()
    shown = Markup(svg) if len(svg) <= LARGEST_SVG else png_picture(figure_png(figure), title, inches)
    return Picture(name, title, caption, shown, ", ".join(file.name for file in files), inches > WIDE)


def _report(sweep: Sweep, table: pd.DataFrame, folder: Path, x: str, hue: str, more: Sequence[str]) -> Report:
    """Return what a terminal shows: the table, what was found of what was expected, and where the rest lies."""
    heading = f"Test loss barrier [nats]: mean ± half the interval ({kinds_of(table)}); error at ends: mean test error of the networks."
    worst = sweep.failures.head(MOST_FAILURES).to_dict("records")
    bad = [f"{row['status']}: {row['job'] or row['run_id']}: {row['sentence']}" for row in worst]
    if len(sweep.failures) > MOST_FAILURES:
        bad.append(f"and {len(sweep.failures) - MOST_FAILURES} more in failures.csv")
    notes = [f"note: {note}" for note in (*sweep.notes, *more)]
    notes += [f"note: {key} differs between jobs and has no column, for here it follows from {of}." for key, of in sweep.following.items()]
    n_cells = len(table.loc[table["n_pairs"] > 0, fixed_keys(table, x, hue)].drop_duplicates())
    if n_cells > MOST_ROWS:
        shown = MOST_ROWS if n_cells <= MOST_CELLS else SAMPLE
        notes.append(f"note: the figures show the first {shown} of {n_cells} cells or fewer; the tables have all.")
    found = f"{len(sweep.records)} of {sweep.n_asked} jobs found."
    blocks = tuple(pivot(table, x=x, hue=hue)) if len(table) else ()
    return Report(folder, heading, blocks, found, tuple(bad), tuple(notes))
