"""The folder of a study: what was run and where, the sweep's tables, and the study's own tables and figures."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd

from multirun_analysis import schema, studies
from multirun_analysis.checks import InputError, nearest
from multirun_analysis.frames import tidy
from multirun_analysis.frames.discovery import find_sweep
from multirun_analysis.frames.origin import PROVENANCE
from multirun_analysis.frames.provenance import provenance, provenance_text
from multirun_analysis.frames.published_tables import OF_PAIRS
from multirun_analysis.frames.tidy import Sweep
from multirun_analysis.output.figures import save_figure
from multirun_analysis.output.files import copy_table, write_by, write_csv, write_text
from multirun_analysis.report.drawing import write_page
from multirun_analysis.studies.base import Frames, Study
from multirun_analysis.studies.fitting import check_fit, check_keys
from multirun_analysis.tables.names import WHERE_MEASURED
from multirun_analysis.tables.sweep import sweep_frames

Made = TypeVar("Made")
LARGE = 100_000  # bytes from which a table is compressed


def write_study(name: str, sweep_dirs: Sequence[Path], out: Path) -> str:
    """Write a study's folder and return a sentence on it.

    Raises
    ------
    InputError
        If there is no such study, it does not fit the sweeps, or a folder does not exist or holds no job.
    """
    choices = studies.choices()
    if name not in choices:
        raise InputError(f"`--study` must be one of {', '.join(sorted(choices))}, got {name!r}.{nearest(name, choices)}")
    study, sweep = choices[name], find_sweep(sweep_dirs)
    if sweep.origin is not None and sweep.origin.facts is None:
        raise InputError(f"`--study` needs {PROVENANCE} beside the tables of an analysis: a study's folder says what was run.")
    check_keys(name, study, sweep)
    check_fit(name, study, sweep, tidy.runs_frame(sweep))
    frames = sweep_frames(sweep)
    shown = frames if study.repairs else {table: _without_repair(frame) for table, frame in frames.items()}
    tables = {table: _made(name, table, make, shown) for table, make in study.tables.items()}  # before anything is written
    figures = {figure: _made(name, figure, draw, shown) for figure, draw in study.figures.items()}
    write_text(provenance_text(provenance(sweep, frames["runs"])), out / PROVENANCE)
    for table, frame in frames.items():
        if table in WHERE_MEASURED and frame.empty:
            continue
        if sweep.origin is None or table not in OF_PAIRS:
            _write_compressed(frame, out / f"{table}.csv")
        elif table in sweep.origin.files:
            copy_table(sweep.origin.files[table], out)
    for table, frame in tables.items():
        write_csv(frame, out / f"{table}.csv")
    for figure, drawing in figures.items():
        save_figure(drawing, out / f"{figure}.png")
    write_page(sweep, frames, sweep_dirs, out, _axis_key(study, frames), title=f"Study {name}", files=False)
    return f"{len(sweep.records)} of {sweep.n_asked} jobs{_warnings(name, study, sweep)}; tables and figures of {name}: {out}"


def _without_repair(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of networks as they are."""
    return frame[frame["repair"] == schema.WITHOUT_REPAIR["repair"]] if "repair" in frame else frame


def _made(name: str, part: str, make: Callable[[Frames], Made], frames: Frames) -> Made:
    """Return a table or figure of a study, or raise `InputError` if it cannot be made from the frames of these sweeps."""
    try:
        return make(frames)
    except (KeyError, ValueError, IndexError, TypeError, ArithmeticError) as error:
        raise InputError(
            f"the study {name} does not fit these sweeps: {part} cannot be made from them ({type(error).__name__}: {error})."
        ) from error


def _axis_key(study: Study, frames: Frames) -> str:
    """Return the key of the horizontal axis of the page's figures: width, or the first key that the study needs where width is constant."""
    if frames["runs"]["width"].nunique() > 1:
        return "width"
    return next((key for key in study.needs if key != "width"), "width")


def _warnings(name: str, study: Study, sweep: Sweep) -> str:
    """Return what readers of the results must know: how many jobs failed, and whether the data are those of the study."""
    failures = f"; {len(sweep.failures)} rows in failures.csv" if len(sweep.failures) else ""
    others = sorted({str(record["scope"]["dataset"]) for record in sweep.records} - {study.dataset}) if study.dataset else []
    return failures + (f"; {name} is about {study.dataset}, and says nothing about {', '.join(others)}" if others else "")


def _write_compressed(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, compressed if it is large; the form that an earlier analysis left is removed."""
    write_csv(frame, path)
    path.with_suffix(".csv.gz").unlink(missing_ok=True)
    if path.stat().st_size > LARGE:
        _compress(path)


def _compress(path: Path) -> None:
    """Replace a file by its gzip, whose bytes depend on the contents only."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream, gzip.GzipFile(fileobj=stream, mode="wb", mtime=0, filename="") as packed:
            packed.write(path.read_bytes())

    write_by(path.with_suffix(".csv.gz"), write)
    path.unlink()
