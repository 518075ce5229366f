"""Finding what sweeps left behind: the records on disk, and a row for every job that has none to be counted."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from multirun_analysis import schema
from multirun_analysis.checks import InputError
from multirun_analysis.common.garbage import no_collections
from multirun_analysis.common.redaction import redacted_line
from multirun_analysis.frames import tidy
from multirun_analysis.frames.folders import (
    AGAIN,
    INDEX,
    NOT_FINISHED,
    Failure,
    Job,
    again,
    expected_jobs,
    failure,
    job_folders,
    no_files,
    not_measured,
    reason,
)
from multirun_analysis.frames.published import is_published, published_sweep
from multirun_analysis.frames.tidy import Sweep
from multirun_analysis.records.index import Entry, is_settled, load_index, save_index
from multirun_analysis.records.merging import merged, of_other_settings, with_methods
from multirun_analysis.records.packed import PackedRecord, Record
from multirun_analysis.records.reading import UNREADABLE, NewerVersion, read_record
from multirun_analysis.schema import RECORD

ALONE = (
    "{folder!r} holds the tables of an analysis and no records, and must be named alone: which keys have a column, and what tells methods "
    "apart, can be found anew for several sweeps from their records only."
)
FIRST_COUNTS = "than another folder has; the first folder's count"
MANY = 200  # records that take longer to read than an index does to write, and from which on a folder has one
Folders = str | Path | Sequence[str | Path]


@no_collections()
def load_runs(sweep_dir: Folders) -> pd.DataFrame:
    """Return the measures of one or several sweeps, the columns of ``runs.csv``: one row per job, pair, method and split."""
    return tidy.runs_frame(find_sweep(sweep_dir))


@no_collections()
def load_blocks(sweep_dir: Folders) -> pd.Series:
    """Return the test blocks of the rows of `load_runs`, under the same index, for `barrier_vs_width`; nothing where records have none."""
    return tidy.blocks_column(find_sweep(sweep_dir))


@no_collections()
def load_curves(sweep_dir: Folders) -> pd.DataFrame:
    """Return the curves of one or several sweeps, the columns of ``curves.csv``: one row per job, pair, method, split and t."""
    return tidy.curves_frame(find_sweep(sweep_dir))


@no_collections()
def load_layers(sweep_dir: Folders) -> pd.DataFrame:
    """Return what matching says of layers, the columns of ``layers.csv``: one row per job, pair, method and layer."""
    return tidy.layers_frame(find_sweep(sweep_dir))


@no_collections()
def load_training_curves(sweep_dir: Folders) -> pd.DataFrame:
    """Return the training curves, the columns of ``training_curves.csv``: one row per job, network, split and epoch, where measured."""
    return tidy.training_curves_frame(find_sweep(sweep_dir))


@no_collections()
def load_expected(sweep_dir: Folders) -> pd.DataFrame:
    """Return what one or several sweeps were to measure: one row per expected job and method."""
    return tidy.expected_frame(find_sweep(sweep_dir))


@no_collections()
def find_sweep(sweep_dirs: Folders) -> Sweep:
    """Return what is in the folders of sweeps.

    Parameters
    ----------
    sweep_dirs : path or sequence of paths
        Folders of sweeps (or of single jobs). A job found in several counts once. Or one folder of an analysis without records, which
        `published_sweep` reads.

    Returns
    -------
    Sweep
        Finished records by name of the job, expected jobs, and a row of ``failures.csv`` for every job that failed, diverged, is
        unfinished, missing or unreadable, and for every result of which there are two that differ.

    Raises
    ------
    InputError
        If a folder does not exist, or holds no job and expects none, or the tables of an analysis are not as they were written.
    """
    return _sweep_in([Path(sweep_dirs)] if isinstance(sweep_dirs, str | Path) else [Path(folder) for folder in sweep_dirs])


def _sweep_in(folders: Sequence[Path]) -> Sweep:
    """Return what is in the folders of sweeps, as `find_sweep` says."""
    for folder in folders:
        if is_published(folder):
            if len(folders) > 1:
                raise InputError(ALONE.format(folder=str(folder)))
            return published_sweep(folder)
    records: dict[str, PackedRecord] = {}
    expected: dict[str, Record] = {}
    failures: list[Failure] = []
    settings: dict[tuple[str, ...], Mapping[str, Any]] = {}  # of methods, by name and hash
    for folder in folders:
        jobs = job_folders(folder)
        for entry in expected_jobs(folder, failures):
            earlier = expected.get(entry["run_id"])
            expected[entry["run_id"]] = entry if earlier is None else with_methods(earlier, entry)
        _read_jobs(folder, jobs, records, failures, settings)
        failures += no_files(folder, jobs)
    named = {row["run_id"] for row in failures}
    failures += [not_measured(run_id, folders) for run_id in expected.keys() - records.keys() - named]
    for record in records.values():
        if record.head["status"] == "diverged":
            failures.append(failure(record.head["run_id"], "diverged", record.head["sentence"]))
        if record.head.get("failure"):
            failures.append(failure(record.head["run_id"], "failed", record.head["failure"]))
    for row in failures:
        row["job"] = redacted_line(str(expected.get(row["run_id"], {}).get("job", "")))
    order = {run_id: k for k, run_id in enumerate(expected)}  # failures in the order in which the jobs were asked for
    failures.sort(key=lambda row: (order.get(row["run_id"], len(order)), row["run_id"], row["status"], row["sentence"]))
    frame = pd.DataFrame(failures, columns=schema.names(schema.FAILURES))
    return Sweep(tuple(records[run_id] for run_id in sorted(records)), tuple(expected.values()), frame)


def _read_jobs(
    folder: Path,
    jobs: Sequence[Job],
    records: dict[str, PackedRecord],
    failures: list[Failure],
    settings: dict[tuple[str, ...], Mapping[str, Any]],
) -> None:
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
        if others := of_other_settings(entry.record.head, settings):
            sentence = f"{job.folder / RECORD} has other settings of {', '.join(others)} under one hash than another record has"
            failures.append(failure(run_id, "unreadable", sentence))
        elif run_id in records:
            records[run_id], differences = merged(records[run_id], entry.record)
            path = job.folder / RECORD
            failures += [failure(run_id, "conflicting", f"{path} has {difference} {FIRST_COUNTS}") for difference in differences]
        else:
            records[run_id] = entry.record
    if n_new >= MANY:
        save_index(folder / INDEX, entries)


def _read_job(job: Job, failures: list[Failure]) -> PackedRecord | None:
    """Return a job's record, or say in `failures` why there is nothing to be counted."""
    path = job.folder / RECORD
    if job.stamp is None:
        hint = again(job.folder)
        sentence = NOT_FINISHED if hint == AGAIN else f"was started and has no record; {hint}"
        failures.append(failure(job.folder.name, "unfinished", sentence))
        return None
    try:
        record = read_record(path)
    except UNREADABLE as error:
        hint = "" if isinstance(error, NewerVersion) else f"; {again(job.folder)}"
        failures.append(failure(job.folder.name, "unreadable", f"{path}: {reason(error)}{hint}"))
        return None
    if record.head["status"] == "failed":
        failures.append(failure(record.head["run_id"], "failed", record.head["sentence"]))
        return None
    return record
