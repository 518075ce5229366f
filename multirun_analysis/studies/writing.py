"""The folder of a study: what was run and where, the sweep's tables, and the study's own tables and figures."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from multirun_analysis import studies
from multirun_analysis.checks import InputError
from multirun_analysis.discovery import find_sweep
from multirun_analysis.drawing import write_page
from multirun_analysis.figure_files import save_figure
from multirun_analysis.outputs import write_by, write_csv, write_text
from multirun_analysis.provenance import provenance
from multirun_analysis.studies.base import Study
from multirun_analysis.tables.sweep import sweep_frames
from multirun_analysis.tidy import Sweep

LARGE = 100_000  # bytes from which a table is compressed


def write_study(name: str, sweep_dirs: Sequence[Path], out: Path) -> str:
    """Write a study's folder and return a sentence on it.

    Raises
    ------
    InputError
        If there is no such study, or a folder does not exist or holds no job.
    """
    known = studies.choices()
    if name not in known:
        raise InputError(f"`--study` must be one of {', '.join(sorted(known))}, got {name!r}.")
    sweep = find_sweep(sweep_dirs)
    _check_keys(name, known[name], sweep)
    frames = sweep_frames(sweep)
    if not (frames["runs"]["status"] == "ok").any():
        raise InputError(
            f"the study {name} has nothing to show: no job in {', '.join(map(str, sweep_dirs))} has been measured without diverging."
        )
    write_text(json.dumps(provenance(sweep, frames["runs"]), indent=1, sort_keys=True) + "\n", out / "provenance.json")
    for table, frame in frames.items():
        write_csv(frame, out / f"{table}.csv")
        (out / f"{table}.csv.gz").unlink(missing_ok=True)  # of an earlier time
        if (out / f"{table}.csv").stat().st_size > LARGE:
            _compress(out / f"{table}.csv")
    for table, make in known[name].tables.items():
        write_csv(make(frames), out / f"{table}.csv")
    for figure, draw in known[name].figures.items():
        save_figure(draw(frames), out / f"{figure}.png")
    x = "width" if frames["runs"]["width"].nunique() > 1 or not known[name].needs else known[name].needs[0]
    write_page(sweep, frames, sweep_dirs, out, x, title=f"Study {name}", files=False)
    wrong = f"; {len(sweep.failures)} rows in failures.csv" if len(sweep.failures) else ""
    return f"{len(sweep.records)} of {sweep.n_asked} jobs{wrong}; tables and figures of {name}: {out}"


def _check_keys(name: str, study: Study, sweep: Sweep) -> None:
    """Raise `InputError` if a key that the study is about does not vary, or one that it knows nothing of does."""
    varying = [*(key for key in ("dataset", "model", "depth", "width") if len({scope[key] for scope in sweep.scopes}) > 1), *sweep.varying]
    constant = [key for key in study.needs if key not in varying]
    if constant:
        raise InputError(f"the study {name} is about {constant[0]}, which does not vary in these sweeps.")
    others = [] if study.may is None else [key for key in varying if key not in (*study.needs, *study.may)]
    if others:
        raise InputError(f"the study {name} would take means over different values of {others[0]}; name sweeps in which it has one.")


def _compress(path: Path) -> None:
    """Replace a file by its gzip, whose bytes depend on the contents only."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as stream, gzip.GzipFile(fileobj=stream, mode="wb", mtime=0, filename="") as packed:
            packed.write(path.read_bytes())

    write_by(path.with_suffix(".csv.gz"), write)
    path.unlink()
