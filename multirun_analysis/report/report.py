"""Writing the analysis of sweeps: CSVs, figures, the page, and the text that a terminal shows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from multirun_analysis.checks import InputError, nearest
from multirun_analysis.common.media import for_terminal
from multirun_analysis.common.side_by_side import beside
from multirun_analysis.frames.discovery import MANY, find_sweep
from multirun_analysis.frames.folders import GOES_ON, PENDING
from multirun_analysis.frames.origin import PROVENANCE
from multirun_analysis.frames.provenance import provenance, provenance_text
from multirun_analysis.frames.published_tables import OF_PAIRS
from multirun_analysis.frames.tidy import Sweep
from multirun_analysis.output.csv_text import write_curves
from multirun_analysis.output.files import copy_table, write_by, write_csv, write_text
from multirun_analysis.page import REPORT_FILE
from multirun_analysis.records.commands import load_commands
from multirun_analysis.report.unchanged import is_drawn, made_of
from multirun_analysis.schema import ANALYSIS_FOLDER
from multirun_analysis.stats.interval_choice import DEFAULT, IntervalChoice
from multirun_analysis.stats.summary import kinds_of, shortage_notes
from multirun_analysis.tables.barrier_vs_width import with_two_way
from multirun_analysis.tables.cells import LEAST_ROWS, fixed_keys
from multirun_analysis.tables.method_differences import method_differences
from multirun_analysis.tables.names import TABLES, WHERE_MEASURED
from multirun_analysis.tables.not_worse import PAIRED
from multirun_analysis.tables.paired_differences import METRICS
from multirun_analysis.tables.pivots import Block, pivot, pivot_latex, pivot_markdown, pivot_text
from multirun_analysis.tables.repair_differences import repair_differences
from multirun_analysis.tables.sweep import sweep_frames

SHOWN = "loss_barrier"  # of the test split
MOST_FAILURES = 10  # on the terminal; failures.csv has all


@dataclass(frozen=True)
class Report:
    """What was written where, and what a terminal shows of it: a heading, the table, how many jobs were found, failures, and notes."""

    folder: Path
    only: tuple[str, ...]
    heading: str
    blocks: tuple[Block, ...]
    counts: str
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    n_pending: int = 0  # jobs that are still to be measured

    @property
    def location(self) -> str:
        """A line on which files were written into which folder."""
        if not self.only:
            return f"Tables, figures and {REPORT_FILE}: {self.folder}"
        others = (REPORT_FILE, *(f"{name}.csv" for name in TABLES if name not in self.only))
        has_older = any((self.folder / name).exists() for name in others)
        return f"{', '.join(self.only)}: {self.folder}" + ("; the other files there are from an earlier analysis" if has_older else "")

    @property
    def text(self) -> str:
        """All of it as plain text."""
        table = pivot_text(self.blocks) if self.blocks else "(no results yet)"
        more = [*(f"  {line}" for line in (*self.failures, *self.notes)), self.location]
        return "\n".join([for_terminal(self.heading), "", table, "", *map(for_terminal, [self.counts, *more])])


def write_report(
    sweep_dirs: Sequence[Path],
    out: Path | None = None,
    x: str = "width",
    hue: str = "matching",
    *,
    choice: IntervalChoice = DEFAULT,
    only: Collection[str] = (),
    brief: bool = False,
    processes: int = 1,
    refresh: float | None = None,
) -> Report:
    """Write the tables, the figures and the page of sweeps, and return what a terminal shows of them.

    Parameters
    ----------
    sweep_dirs : sequence of Path
        Folders of sweeps; a job found in several counts once. Or the folder of one analysis without records: its tables of pairs are copied
        as they are, and all others made anew.
    out : Path, optional
        Where to write; ``analysis`` in the sweep's folder, or in the working directory for several sweeps, if not given.
    x, hue : str
        The keys that make the rows and columns of the table, and the axis and the lines of the figures.
    choice : IntervalChoice
        The interval of the means.
    only : collection of str
        Write these tables only, and neither figures nor a page: of a large sweep in a seventh of the time.
    brief : bool
        Draw the figure `barrier_vs_width` only, as a sweep does at its end: the others take longer than many a sweep.
    processes : int
        That draw side by side, as forks of this one: for a program without threads of its own.
    refresh : float, optional
        Seconds after which a browser loads the page again.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If a folder does not exist or holds no job, `x` or `hue` is no key of the sweep, or one of `only` no table.
    """
    _check_tables(only)
    sweep = find_sweep(sweep_dirs)
    folder = out if out is not None else (sweep_dirs[0] if len(sweep_dirs) == 1 else Path()) / ANALYSIS_FOLDER
    names = tuple(name for name in TABLES if name in (only or TABLES))
    # The table is shown in any case; the curves, by far the longest, are never a frame as a whole.
    frames = sweep_frames(sweep, {"barrier_vs_width", "runs", *names} - {"curves"}, choice)
    names = tuple(name for name in names if only or name not in WHERE_MEASURED or len(frames[name]))
    table = frames["barrier_vs_width"]
    blocks = tuple(pivot(table, frames["runs"], SHOWN, x=x, hue=hue, differences=_differences(frames, hue, choice)))
    shown = with_two_way(table[(table["metric"] == SHOWN) & (table["split"] == "test")])
    notes = [*sweep.notes]
    tables = partial(_write_tables, sweep, frames, blocks, names, folder, f"test loss barrier ({kinds_of(shown)})")
    # A brief page is made of the tables' files; of few records they are written sooner than a process is started.
    with beside(tables, 1 if only or brief or len(sweep.records) < MANY else processes):
        if not only:
            facts = provenance(sweep, frames["runs"])
            if sweep.origin is None or sweep.origin.facts is not None:
                write_text(provenance_text(facts), folder / PROVENANCE)
            notes += _page(sweep, frames, sweep_dirs, folder, x, hue, facts=facts, brief=brief, processes=processes, refresh=refresh)
    notes += [*shortage_notes(table, choice), *_column_notes(sweep)]
    if not only:
        notes += _figure_notes(table, x, hue)
    heading = f"Test loss barrier [nats]: mean [interval] ({kinds_of(shown)}); error at ends: mean test error of the networks."
    prefixed = tuple(f"note: {note}" for note in notes)
    return Report(folder, names if only else (), heading, blocks, _counts(sweep), _failures(sweep), prefixed, _n_pending(sweep))


def _page(
    sweep: Sweep,
    frames: Mapping[str, pd.DataFrame],
    sweep_dirs: Sequence[Path],
    folder: Path,
    x: str,
    hue: str,
    *,
    facts: Mapping[str, Any],
    brief: bool,
    processes: int,
    refresh: float | None,
) -> tuple[str, ...]:
    """Draw the figures and write the page, a brief one only if the folder does not have it already; return notes on what was left out."""
    digest = ""
    if brief and sweep.origin is None:
        names = [str(sweep_dir.resolve()) for sweep_dir in sweep_dirs]
        others = [names, load_commands(sweep_dirs), facts, len(sweep.records), sweep.n_asked, sweep.following, x, hue, refresh]
        digest = made_of([file for name in frames if (file := folder / f"{name}.csv").is_file()], others)
        if is_drawn(folder, digest):
            return ()
    from multirun_analysis.report.drawing import write_page  # plotting libraries take a second to import, and tables do without

    return write_page(sweep, frames, sweep_dirs, folder, x, hue, brief=brief, digest=digest, processes=processes, refresh=refresh)


def _check_tables(names: Collection[str]) -> None:
    """Raise `InputError` if one of the names is not that of a table."""
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        raise InputError(f"`--only` must be one or several of {', '.join(TABLES)}, got {unknown[0]!r}.{nearest(unknown[0], TABLES)}")


def _differences(frames: Mapping[str, pd.DataFrame], hue: str, choice: IntervalChoice) -> Mapping[str, pd.DataFrame]:
    """Return the paired differences that the shown table needs: where the CSV of all is not asked for, those of its own measure."""
    name, _ = PAIRED.get(hue, ("", ""))
    if not name or name in frames:
        return frames
    runs = frames["runs"]
    others = [metric for metric in METRICS if metric != SHOWN and metric in runs]
    differences = {"method_differences": method_differences, "repair_differences": repair_differences}[name]
    return {name: differences(runs[runs["split"] == "test"].drop(columns=others), choice)}


def _write_tables(
    sweep: Sweep, frames: Mapping[str, pd.DataFrame], blocks: Sequence[Block], names: Collection[str], folder: Path, measure: str
) -> None:
    """Write tables as CSV, and the main one, whose values are of a measure, in Markdown and LaTeX too; tables that were read are copied."""
    for name in names:
        if sweep.origin is not None and name in OF_PAIRS:
            if name in sweep.origin.files:
                copy_table(sweep.origin.files[name], folder)
        elif name == "curves":
            write_by(folder / "curves.csv", partial(write_curves, sweep))
        else:
            write_csv(frames[name], folder / f"{name}.csv")
    if "barrier_vs_width" in names:
        write_text(pivot_markdown(blocks, measure), folder / "barrier_vs_width.md")
        write_text(pivot_latex(blocks, measure), folder / "barrier_vs_width.tex")


def _counts(sweep: Sweep) -> str:
    """Return how many jobs were found, of those expected, and how many are still to be measured."""
    counts = f"{len(sweep.records)} of {sweep.n_asked} jobs found."
    n_pending = _n_pending(sweep)
    if n_pending:  # each in failures.csv, and all in one line here: a running sweep may have thousands
        counts += f" {n_pending} not yet measured: {GOES_ON}."
    return counts


def _n_pending(sweep: Sweep) -> int:
    return int(sweep.failures["status"].isin(PENDING).sum())


def _failures(sweep: Sweep) -> tuple[str, ...]:
    """Return a line for each of the first failures, and one for the others."""
    failures = sweep.failures[~sweep.failures["status"].isin(PENDING)]
    rows = failures.head(MOST_FAILURES).to_dict("records")
    lines = [f"{row['status']}: {row['job'] or row['run_id']}: {row['sentence']}" for row in rows]
    if len(failures) > MOST_FAILURES:
        lines.append(f"and {len(failures) - MOST_FAILURES} more in failures.csv")
    return tuple(lines)


def _column_notes(sweep: Sweep) -> list[str]:
    """Return a note for every key that differs between jobs and has no column."""
    notes = []
    for key, source in sweep.following.items():
        notes.append(f"{key} differs between jobs and has no column, because here it follows from {source}.")
    return notes


def _figure_notes(table: pd.DataFrame, x: str, hue: str) -> list[str]:
    """Return a note if figures cannot show all cells."""
    n_cells = len(table.loc[table["n_pairs"] > 0, fixed_keys(table, x, hue)].drop_duplicates())
    if n_cells <= LEAST_ROWS:
        return []
    return [f"figures show some of the {n_cells} cells only, as each of them says; the tables have all."]
