"""The planes of a sweep's pairs: ``plane.csv`` beside the records, checked and put into one tidy frame."""

import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multirun_analysis import schema
from multirun_analysis.checks import read_file
from multirun_analysis.common.media import for_terminal
from multirun_analysis.frames import tidy
from multirun_analysis.frames.csv_words import number_of
from multirun_analysis.frames.discovery import Folders, find_sweep
from multirun_analysis.frames.folders import AGAIN, reason
from multirun_analysis.frames.tidy import Sweep
from multirun_analysis.records.names import table_name
from multirun_analysis.records.packed import RUNS, PackedRecord
from multirun_analysis.records.reading import UNREADABLE, open_record
from multirun_analysis.schema import PLANE_FILE, RECORD

log = logging.getLogger(__name__)
MOST_BYTES = 2**30
PLANE_KEY = ("network_a", "network_b", "matching")  # of one plane within a job


@dataclass(frozen=True)
class Planes:
    """What was found: a row per job, pair, method and point, and a sentence for every file that was left out."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


def load_planes(sweep_dir: Folders) -> pd.DataFrame:
    """Return the planes of one or several sweeps: one row per job, pair, method and point; files that are left out are said in the log."""
    planes = find_planes(find_sweep(sweep_dir), sweep_dir)
    for note in planes.notes:
        log.warning("%s", for_terminal(note))
    return planes.frame


def find_planes(sweep: Sweep, sweep_dirs: Folders) -> Planes:
    """Return the planes that lie beside the records of a sweep.

    Parameters
    ----------
    sweep : Sweep
        What `find_sweep` found in the folders.
    sweep_dirs : path or sequence of paths
        A plane found in several counts once.

    Returns
    -------
    Planes
        Its frame has the job's keys, the varying keys, the pair, `matching`, and the columns of ``plane.csv`` from `x` on.
    """
    folders = [Path(sweep_dirs)] if isinstance(sweep_dirs, str | Path) else [Path(folder) for folder in sweep_dirs]
    records = {packed.head["run_id"]: packed for packed in sweep.packed}
    jobs = sweep.jobs.drop(columns="status").to_dict("records")
    keys = {str(job["run_id"]): {str(name): value for name, value in job.items()} for job in jobs}
    parts: dict[tuple[Any, ...], pd.DataFrame] = {}
    notes = []
    for path in [path for folder in folders for path in sorted([*folder.glob(PLANE_FILE), *folder.glob(f"*/{PLANE_FILE}")])]:
        try:
            beside = open_record(path.with_name(RECORD))  # the names of folders say nothing
            run_id = table_name(str(beside["run_id"]))
            if run_id not in records:
                raise ValueError(f"{RECORD} beside it is not usable")
            frame = _read(path, beside.get(schema.FILES), records[run_id]).assign(**keys[run_id])
        except UNREADABLE as error:
            notes.append(f"the planes of {path} are left out: {reason(error)}; {AGAIN} and plane=true.")
            continue
        methods = zip(frame["matching"], frame.pop("settings_hash"), strict=True)
        frame["matching"] = [sweep.labels[method] for method in methods]
        for key, part in frame.groupby(list(PLANE_KEY), sort=False):
            parts.setdefault((run_id, *key), part)
    columns = ["run_id", *tidy.FIXED, *sweep.varying, *PLANE_KEY, *schema.names(schema.PLANE_MEASURES)]
    joined = pd.concat(list(parts.values())) if parts else pd.DataFrame(columns=columns)
    order = [*schema.CELL, *sweep.varying, "width", "seed", "run_id", *PLANE_KEY]
    frame = tidy.as_keys(joined[columns], sweep.varying).sort_values(order, key=tidy.sortable, kind="stable", ignore_index=True)
    return Planes(frame, tuple(notes))


def _read(path: Path, digests: Any, record: PackedRecord) -> pd.DataFrame:
    """Return a file's planes, or raise `ValueError` if they are not what the record's job has written and noted the digest of."""
    data = read_file(path, MOST_BYTES)
    if not isinstance(digests, dict) or path.name not in digests:
        raise ValueError(f"it has no seal in {RECORD} beside it, so that nothing shows whether it was changed")
    if schema.digest(data) != digests[path.name]:
        raise ValueError(f"it was changed after it was written: its sha256 is not the one in {RECORD}")
    frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    if list(frame.columns) != schema.names(schema.PLANE):
        raise ValueError(f"its columns are {', '.join(map(str, frame.columns))}, not {', '.join(schema.names(schema.PLANE))}")
    for column in schema.PLANE_MEASURES:
        if column.kind == "number":
            frame[column.name] = [number_of(word) for word in frame[column.name]]
    for name in (*schema.PAIR, "settings_hash"):
        frame[name] = frame[name].map(table_name)
    if not np.isfinite(frame[["x", "y"]].to_numpy()).all():
        raise ValueError("a point has no place")
    scores = frame[["loss", "error"]].to_numpy()
    if np.isinf(scores).any() or (scores < 0).any() or (frame["error"] > 1).any():
        raise ValueError("a loss or an error is outside its range")
    measured = set(_methods_of_pairs(record))
    planes = dict(list(frame.groupby([*PLANE_KEY, "settings_hash"])))
    for key in planes.keys() - measured:
        raise ValueError(f"{RECORD} beside it lacks the pair or the method of {', '.join(map(str, key))}")
    for plane in planes.values():
        _check_points(plane)
    return frame


def _methods_of_pairs(record: PackedRecord) -> list[tuple[str, str, str, str]]:
    return [
        (a, b, method, settings_hash) for a, b, method, settings_hash in record.rows[RUNS.name].keys(RUNS, (*PLANE_KEY, "settings_hash"))
    ]


def _check_points(plane: pd.DataFrame) -> None:
    """Raise `ValueError` unless the points are a whole grid and the three networks."""
    grid = plane[plane["network"] == ""]
    shape = grid["y"].nunique(), grid["x"].nunique()
    whole = len(grid) == shape[0] * shape[1] and not grid.duplicated(["x", "y"]).any() and min(shape) > 1
    if not whole or sorted(plane.loc[plane["network"] != "", "network"]) != sorted(schema.PLANE_NETWORKS):
        raise ValueError(f"a plane is not a whole grid with {', '.join(schema.PLANE_NETWORKS)}")
