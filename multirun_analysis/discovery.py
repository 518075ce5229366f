"""Finding what sweeps left behind: the records on disk, and a row for every job that has none to be counted."""

import gc
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from multirun_analysis import schema, tidy
from multirun_analysis.checks import InputError
from multirun_analysis.index import Entry, Stamp, is_settled, load_index, save_index, stamp_of
from multirun_analysis.packed import LAYOUTS, Layout, PackedRecord, Record, Rows
from multirun_analysis.reading import UNREADABLE, NewerVersion, read_expected, read_record
from multirun_analysis.tidy import Sweep

RECORD, EXPECTED, INDEX = "record.json", "expected.jsonl", Path("analysis") / "records.index"
AGAIN = "run the sweep again with the same hydra.sweep.dir"
TIMES = ("seconds_train", "seconds_match", "seconds_evaluate")
MANY = 200  # records that take longer to read than an index does to write, and from which on a folder has one
Folders = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Job:
    """The folder of a job, and the stamp of its record; None if it has none."""

    folder: Path
    stamp: Stamp | None


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep Python from looking for cycles of garbage: among millions of small objects that all stay, it takes a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_no_collections()
def load_runs(sweep_dir: Folders) -> pd.DataFrame:
    """Return the measures of one or several sweeps, the columns of ``runs.csv``: one row per job, pair, method and split."""
    return tidy.runs_frame(find_sweep(sweep_dir))


@_no_collections()
def load_curves(sweep_dir: Folders) -> pd.DataFrame:
    """Return the curves of one or several sweeps, the columns of ``curves.csv``: one row per job, pair, method, split and t."""
    return tidy.curves_frame(find_sweep(sweep_dir))


@_no_collections()
def load_layers(sweep_dir: Folders) -> pd.DataFrame:
    """Return what matching says of layers, the columns of ``layers.csv``: one row per job, pair, method and layer."""
    return tidy.layers_frame(find_sweep(sweep_dir))


@_no_collections()
def load_expected(sweep_dir: Folders) -> pd.DataFrame:
    """Return what one or several sweeps were to measure: one row per expected job and method."""
    return tidy.expected_frame(find_sweep(sweep_dir))


@_no_collections()
def find_sweep(sweep_dirs: Folders) -> Sweep:
    """Return what is in the folders of sweeps.

    Parameters
    ----------
    sweep_dirs : path or sequence of paths
        Folders of sweeps (or of single jobs). A job found in several counts once.

    Returns
    -------
    Sweep
        Finished records by name of the job, expected jobs, and a row of ``failures.csv`` for every job that failed, diverged, is
        unfinished, missing or unreadable, and for every result of which there are two that differ.

    Raises
    ------
    InputError
        If a folder does not exist, or holds no job and expects none.
    """
    return _found([Path(sweep_dirs)] if isinstance(sweep_dirs, str | Path) else [Path(folder) for folder in sweep_dirs])


def _found(folders: Sequence[Path]) -> Sweep:
    """Return what is in the folders of sweeps, as `find_sweep` says."""
    records: dict[str, PackedRecord] = {}
    expected: dict[str, Record] = {}
    failures: list[dict[str, str]] = []
    for folder in folders:
        jobs = _job_folders(folder)
        for entry in _expected(folder, failures):
            expected[entry["run_id"]] = entry if entry["run_id"] not in expected else _joined(expected[entry["run_id"]], entry)
        _read_jobs(folder, jobs, records, failures)
    seen = {row["run_id"] for row in failures}
    for run_id in expected.keys() - records.keys() - seen:
        failures.append(_failure(run_id, "missing", f"was never started; {AGAIN}"))
    for record in records.values():
        if record.head["status"] == "diverged":
            failures.append(_failure(record.head["run_id"], "diverged", record.head["sentence"]))
        if record.head.get("failure"):
            failures.append(_failure(record.head["run_id"], "failed", record.head["failure"]))
    for row in failures:
        row["job"] = str(expected.get(row["run_id"], {}).get("job", ""))
    order = {run_id: k for k, run_id in enumerate(expected)}  # failures in the order in which the jobs were asked for
    failures.sort(key=lambda row: (order.get(row["run_id"], len(order)), row["run_id"], row["status"], row["sentence"]))
    frame = pd.DataFrame(failures, columns=schema.names(schema.FAILURES))
    return Sweep(tuple(records[run_id] for run_id in sorted(records)), tuple(expected.values()), frame)


def _failure(run_id: str, status: str, sentence: str) -> dict[str, str]:
    return {"run_id": run_id, "status": status, "sentence": tidy.shortened(sentence)}


def _job_folders(folder: Path) -> list[Job]:
    if folder.is_file():
        raise InputError(f"{str(folder)!r} is a file; name the folder of a sweep, or of one job.")
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}.")
    if (stamp := _stamp(folder)) is not None:
        return [Job(folder, stamp)]
    with os.scandir(folder) as entries:
        stamps = {name: _stamp(os.path.join(folder, name)) for name in sorted(entry.name for entry in entries)}
    jobs = [Job(folder / name, stamp) for name, stamp in stamps.items() if stamp is not None or (folder / name / ".hydra").is_dir()]
    if not jobs and not (folder / EXPECTED).is_file():
        sweeps = sorted(path.parent.name for path in folder.glob(f"*/{EXPECTED}"))
        hint = f" Did you mean the sweeps in it: {', '.join(sweeps[:5])}?" if sweeps else ""
        raise InputError(f"{str(folder)!r} holds no job: a sweep's folder has {EXPECTED} and one folder per job with a {RECORD}.{hint}")
    return jobs


def _stamp(folder: str | Path) -> Stamp | None:
    try:
        found = os.stat(os.path.join(folder, RECORD))  # a Path would take longer than the look at the disk
    except OSError:
        return None
    return stamp_of(found) if stat.S_ISREG(found.st_mode) else None


def _expected(folder: Path, failures: list[dict[str, str]]) -> list[Record]:
    """Return the jobs that a folder expects; lines that cannot be read are said."""
    path = folder / EXPECTED
    found: list[Record] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else [], start=1):
        try:
            found.append(read_expected(line))
        except UNREADABLE as error:
            failures.append(_failure(schema.NO_RUN, "unreadable", f"{path}, line {number}: {error}; {AGAIN}"))
    return found


def _joined(old: Record, new: Record) -> Record:
    hashes = {method["settings_hash"] for method in old["matching"]}
    return {**old, "matching": [*old["matching"], *(method for method in new["matching"] if method["settings_hash"] not in hashes)]}


def _read_jobs(folder: Path, jobs: Sequence[Job], records: dict[str, PackedRecord], failures: list[dict[str, str]]) -> None:
    """Read the records of a folder into `records`, from its index where that knows them, and say in `failures` what cannot be read.

    An index is written when many records were not in it.
    """
    now = time.time_ns()
    index = load_index(folder / INDEX) if len(jobs) >= MANY else {}
    entries, n_new = {}, 0
    for job in jobs:
        name, entry = job.folder.name, index.get(job.folder.name)
        if entry is None or entry.stamp != job.stamp:
            record = _read_job(job, failures)
            if record is None or job.stamp is None:
                continue
            entry = Entry(job.stamp, record)
            n_new += is_settled(entry.stamp, now)
        if is_settled(entry.stamp, now):
            entries[name] = entry
        run_id = entry.record.head["run_id"]
        known = records.get(run_id)
        records[run_id] = entry.record if known is None else _merged(known, entry.record, job.folder / RECORD, failures)
    if n_new >= MANY:
        save_index(folder / INDEX, entries)


def _read_job(job: Job, failures: list[dict[str, str]]) -> PackedRecord | None:
    """Return a job's record, or say in `failures` why there is nothing to be counted."""
    path = job.folder / RECORD
    if job.stamp is None:
        sentence = f"was started and left no record; {AGAIN}"
        failures.append(_failure(job.folder.name, "unfinished", sentence))
        return None
    try:
        record = read_record(path)
    except UNREADABLE as error:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
        hint = "" if isinstance(error, NewerVersion) else f"; {AGAIN}"
        failures.append(_failure(job.folder.name, "unreadable", f"{path}: {reason}{hint}"))
        return None
    if record.head["status"] == "failed":
        failures.append(_failure(record.head["run_id"], "failed", record.head["sentence"]))
        return None
    return record


def _merged(old: PackedRecord, new: PackedRecord, path: Path, failures: list[dict[str, str]]) -> PackedRecord:
    """Return one record with the rows of two of the same job; of rows with one key the first counts, and a difference is said."""
    rows = {}
    for layout in LAYOUTS:
        rows[layout.name], differing = _merged_rows(old.rows[layout.name], new.rows[layout.name], layout)
        if differing:
            methods = ", ".join(sorted(differing))
            sentence = f"{path} has other {layout.name} for {methods} than another folder has; the first folder's count"
            failures.append(_failure(old.head["run_id"], "conflicting", sentence))
    return PackedRecord(_joined(old.head, new.head), rows)


def _merged_rows(old: Rows, new: Rows, layout: Layout) -> tuple[Rows, set[str]]:
    """Return the rows of both, and the methods of rows that are in both and differ, times aside."""
    compared = np.array([name not in TIMES for name in layout.all_numbers])
    if old.equal_to(new, compared):
        return old, set()
    names = ("network_a", "network_b", "matching", "settings_hash", "split", "layer")
    places = {key: place for place, key in reversed(list(enumerate(old.keys(layout, names))))}
    fresh, differing = [], set()
    for place, key in enumerate(new.keys(layout, names)):
        if key not in places:
            fresh.append(place)
            places[key] = -1  # one of two equal keys counts
        elif places[key] >= 0 and not old.chosen([places[key]]).equal_to(new.chosen([place]), compared):
            differing.add(str(key[2]))
    return old.joined(new.chosen(fresh)), differing
