"""The folders of sweeps: the jobs in them, the jobs that they expect, and what lies there in place of a file."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from multirun_analysis import schema
from multirun_analysis.checks import InputError, read_file
from multirun_analysis.frames.tidy import shortened
from multirun_analysis.records.index import Stamp, stamp_of
from multirun_analysis.records.names import table_name
from multirun_analysis.records.packed import Record
from multirun_analysis.records.reading import UNREADABLE, read_expected
from multirun_analysis.schema import ANALYSIS_FOLDER, COMMANDS, EXPECTED, HYDRA_FOLDER, MULTIRUN, PLANE_FILE, RECORD

INDEX = Path(ANALYSIS_FOLDER) / "records.index"
OTHERS = (MULTIRUN, COMMANDS, PLANE_FILE, INDEX)  # of a sweep, or of a job alone
AGAIN = "run the sweep again with the same hydra.sweep.dir"
# Whether a sweep is running cannot be told: it may run on another machine that shares the disk.
GOES_ON = "the sweep is running or was stopped; the same command goes on"
NOT_STARTED = f"was not started yet, or waits for its networks: {GOES_ON}"
NOT_FINISHED = f"was started and has no record yet: {GOES_ON}"
LENGTH_OF_A_NAME = 16  # hexadecimal digits of a job's folder
PENDING = ("missing", "unfinished")  # the statuses of jobs that have no record yet
UNKNOWN: Stamp = (-1, -1, -1, -1)  # of a record that is there and cannot be looked at
MOST_BYTES = 2**28  # of `expected.jsonl`: a hundred thousand jobs have half of it
MOST_LINES = 100  # that cannot be read and are said one by one

Failure = dict[str, str]


@dataclass(frozen=True)
class Job:
    """The folder of a job, and the stamp of its record; None if it has none."""

    folder: Path
    stamp: Stamp | None


def failure(run_id: str, status: str, sentence: str) -> Failure:
    """Return a row of ``failures.csv``."""
    return {"run_id": table_name(run_id), "status": status, "sentence": shortened(sentence)}


def reason(error: Exception) -> str:
    """Return why something could not be read, the name of the file aside."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)


def job_folders(folder: Path) -> list[Job]:
    """Return the jobs in the folder of a sweep, in the order of their names, or the one job whose folder it is.

    Raises
    ------
    InputError
        If it is no folder, cannot be looked into, or holds no job and expects none.
    """
    if os.path.isfile(folder):
        raise InputError(f"{str(folder)!r} is a file; name the folder of a sweep, or of one job.")
    if not os.path.isdir(folder):
        raise InputError(f"there is no folder {str(folder)!r}.")
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise InputError(f"{str(folder)!r} cannot be looked into: {reason(error)}.") from error
    if (stamp := _stamp(folder)) is not None:
        return [Job(folder, stamp)]
    stamps = {name: _stamp(os.path.join(folder, name)) for name in names}
    jobs = [Job(folder / name, stamp) for name, stamp in stamps.items() if stamp is not None or os.path.isdir(folder / name / HYDRA_FOLDER)]
    if not jobs and not os.path.lexists(folder / EXPECTED):
        sweeps = sorted(path.parent.name for path in folder.glob(f"*/{EXPECTED}"))
        hint = f" Did you mean the sweeps in it: {', '.join(sweeps[:5])}?" if sweeps else ""
        contents = f"a sweep's folder has {EXPECTED} and one folder per job with a {RECORD}, that of an analysis has runs.csv"
        raise InputError(f"{str(folder)!r} holds no job: {contents}.{hint}")
    return jobs


def _stamp(folder: str | Path) -> Stamp | None:
    path = os.path.join(folder, RECORD)  # a Path would take longer than the look at the disk
    try:
        return stamp_of(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return UNKNOWN if os.path.islink(path) else None  # a link to nothing
    except OSError:  # rights, or links in a circle: whoever reads it says which
        return UNKNOWN


def not_measured(run_id: str, folders: Sequence[Path]) -> Failure:
    """Return why an expected job has neither a record nor anything else that was read."""
    for path in (folder / run_id for folder in folders):
        if os.path.lexists(path) and not os.path.isdir(path):
            return failure(run_id, "unreadable", f"{path} is no folder; remove it, and {AGAIN}")
    return failure(run_id, "missing", NOT_STARTED)


def expected_jobs(folder: Path, failures: list[Failure]) -> list[Record]:
    """Return the jobs that a folder expects; what cannot be read is said in `failures`."""
    path = folder / EXPECTED
    try:
        lines = read_file(path, MOST_BYTES).decode(errors="replace").splitlines()
    except OSError as error:
        if os.path.lexists(path):
            failures.append(failure(schema.NO_RUN, "unreadable", f"{path}: {reason(error)}; {AGAIN}"))
        return []
    entries: list[Record] = []
    n_unreadable = 0
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(read_expected(line))
        except UNREADABLE as error:
            n_unreadable += 1
            if n_unreadable <= MOST_LINES:
                failures.append(failure(schema.NO_RUN, "unreadable", f"{path}, line {number}: {error}; {AGAIN}"))
    if n_unreadable > MOST_LINES:
        sentence = f"{path}: {n_unreadable - MOST_LINES:,} more lines cannot be read; {AGAIN}"
        failures.append(failure(schema.NO_RUN, "unreadable", sentence))
    return entries


def again(job: Path) -> str:
    """Return what to do about the folder of a job of which there is nothing to be counted.

    A folder that an earlier version named, by a digest that some take for a number, is nobody's any more: the sweep goes on in another.
    """
    name = schema.safe_name(job.name)
    if name == job.name or len(job.name) != LENGTH_OF_A_NAME:
        return AGAIN
    return f"{AGAIN}, which measures the job in {job.with_name(name)}, and remove {job}, whose name is that of an earlier version"


def no_files(folder: Path, jobs: Sequence[Job]) -> Iterator[Failure]:
    """Yield a failure for everything that stands where a file beside the records should be and is none; it is nowhere opened."""
    candidates = [(schema.NO_RUN, os.path.join(folder, name)) for name in OTHERS]
    candidates += [(job.folder.name, os.path.join(job.folder, PLANE_FILE)) for job in jobs if job.folder != folder]
    for run_id, path in candidates:
        try:
            mode = os.lstat(path).st_mode
        except OSError:  # nothing is there, or its folder is no folder
            continue
        if not (stat.S_ISREG(mode) or os.path.isfile(path)):
            yield failure(run_id, "unreadable", f"{path} is no regular file that can be read, so it was left out; remove it")
