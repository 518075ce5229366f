"""Finding what sweeps left behind: the records on disk, and a row for every job that has none to be counted."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from multirun_analysis import schema, tidy
from multirun_analysis.checks import InputError
from multirun_analysis.tidy import Record, Sweep

RECORD, EXPECTED = "record.json", "expected.jsonl"
ROW_KEY = ("network_a", "network_b", "matching", "settings_hash", "split", "layer")
TIMES = ("seconds_train", "seconds_match", "seconds_evaluate")
Folders = str | Path | Sequence[str | Path]


def load_runs(sweep_dir: Folders) -> pd.DataFrame:
    """Return the measures of one or several sweeps, the columns of ``runs.csv``: one row per job, pair, method and split."""
    return tidy.runs_frame(find_sweep(sweep_dir))


def load_curves(sweep_dir: Folders) -> pd.DataFrame:
    """Return the curves of one or several sweeps, the columns of ``curves.csv``: one row per job, pair, method, split and t."""
    return tidy.curves_frame(find_sweep(sweep_dir))


def load_layers(sweep_dir: Folders) -> pd.DataFrame:
    """Return what matching says of layers, the columns of ``layers.csv``: one row per job, pair, method and layer."""
    return tidy.layers_frame(find_sweep(sweep_dir))


def load_expected(sweep_dir: Folders) -> pd.DataFrame:
    """Return what one or several sweeps were to measure: one row per expected job and method."""
    return tidy.expected_frame(find_sweep(sweep_dir))


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
    folders = [Path(sweep_dirs)] if isinstance(sweep_dirs, str | Path) else [Path(folder) for folder in sweep_dirs]
    records: dict[str, Record] = {}
    expected: dict[str, Record] = {}
    failures: list[dict[str, str]] = []
    places: dict[str, int] = {}
    for place, folder in enumerate(folders):
        jobs = _job_folders(folder)
        for entry in _expected(folder, failures):
            places.setdefault(entry["run_id"], place)
            expected[entry["run_id"]] = entry if entry["run_id"] not in expected else _joined(expected[entry["run_id"]], entry)
        for job in jobs:
            _read_job(job, records, failures)
        for run_id in records:
            places.setdefault(run_id, place)
    seen = {row["run_id"] for row in failures}
    for run_id in expected.keys() - records.keys() - seen:
        failures.append(_failure(run_id, "missing", "was never started; run the sweep again with the same hydra.sweep.dir"))
    for record in records.values():
        if record["status"] == "diverged":
            failures.append(_failure(record["run_id"], "diverged", record["sentence"]))
        if record.get("failure"):
            failures.append(_failure(record["run_id"], "failed", record["failure"]))
    for row in failures:
        row["job"] = str(expected.get(row["run_id"], {}).get("job", ""))
    order = {run_id: k for k, run_id in enumerate(expected)}  # failures in the order in which the jobs were asked for
    failures.sort(key=lambda row: (order.get(row["run_id"], len(order)), row["run_id"], row["status"], row["sentence"]))
    frame = pd.DataFrame(failures, columns=schema.names(schema.FAILURES))
    return Sweep(tuple(records[run_id] for run_id in sorted(records)), tuple(expected.values()), frame, places)


def _failure(run_id: str, status: str, sentence: str) -> dict[str, str]:
    return {"run_id": run_id, "status": status, "sentence": sentence}


def _job_folders(folder: Path) -> list[Path]:
    if folder.is_file():
        raise InputError(f"{str(folder)!r} is a file; name the folder of a sweep, or of one job.")
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}.")
    if (folder / RECORD).is_file():
        return [folder]
    jobs = sorted(path for path in folder.iterdir() if (path / RECORD).is_file() or (path / ".hydra").is_dir())
    if not jobs and not (folder / EXPECTED).is_file():
        sweeps = sorted(path.parent.name for path in folder.glob(f"*/{EXPECTED}"))
        hint = f" Did you mean the sweeps in it: {', '.join(sweeps[:5])}?" if sweeps else ""
        raise InputError(f"{str(folder)!r} holds no job: a sweep's folder has {EXPECTED} and one folder per job with a {RECORD}.{hint}")
    return jobs


def _expected(folder: Path, failures: list[dict[str, str]]) -> list[Record]:
    """Return the jobs that a folder expects; lines that cannot be read are said."""
    path = folder / EXPECTED
    found = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines() if path.is_file() else [], start=1):
        try:
            entry = json.loads(line)
            _check_entry(entry)
            found.append(entry)
        except (ValueError, KeyError, TypeError) as error:
            failures.append(_failure(schema.NO_RUN, "unreadable", f"{path}, line {number}: {error}"))
    return found


def _check_entry(entry: Any) -> None:
    if not (isinstance(entry["run_id"], str) and isinstance(entry["n_pairs"], int)):
        raise TypeError("not the line of a job")
    _check_scope(entry["scope"])
    for method in entry["matching"]:
        _check_method(method)


def _check_scope(scope: Any) -> None:
    for key, kind in (("dataset", str), ("model", str), ("width", int), ("depth", int), ("seed", int)):
        if not isinstance(scope[key], kind):
            raise TypeError(f"`{key}` is no {kind.__name__}")


def _check_numbers(row: Any, names: Sequence[str]) -> None:
    for name in names:
        value = row.get(name) if name in schema.LATER else row[name]
        if isinstance(value, bool) or not (value is None or isinstance(value, int | float)):
            raise TypeError(f"`{name}` is no number")


def _check_method(method: Any) -> None:
    if not (isinstance(method["matching"], str) and isinstance(method["settings_hash"], str) and isinstance(method["settings"], dict)):
        raise TypeError("not a matching method")


def _joined(old: Record, new: Record) -> Record:
    hashes = {method["settings_hash"] for method in old["matching"]}
    return {**old, "matching": [*old["matching"], *(method for method in new["matching"] if method["settings_hash"] not in hashes)]}


def _read_job(folder: Path, records: dict[str, Record], failures: list[dict[str, str]]) -> None:
    """Read a job's record into `records`, or say in `failures` why there is nothing to read."""
    path = folder / RECORD
    if not path.is_file():
        failures.append(
            _failure(folder.name, "unfinished", "was started and left no record; run the sweep again with the same hydra.sweep.dir")
        )
        return
    try:
        record = json.loads(path.read_text())
        _check_record(record)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
        failures.append(_failure(folder.name, "unreadable", f"{path}: {reason}"))
        return
    if record["status"] == "failed":
        failures.append(_failure(record["run_id"], "failed", record["sentence"]))
        return
    known = records.get(record["run_id"])
    records[record["run_id"]] = record if known is None else _merged(known, record, path, failures)


def _check_record(record: Any) -> None:
    version = record["schema_version"]
    if version > schema.SCHEMA_VERSION:
        raise ValueError(f"schema version {version}; this multirun_analysis reads up to {schema.SCHEMA_VERSION}, use a newer one")
    if record["status"] not in ("ok", "diverged", "failed"):
        raise ValueError(f"unknown status {record['status']!r}")
    for key, kind in (("run_id", str), ("sentence", str), ("scope", dict)):
        if not isinstance(record[key], kind):
            raise TypeError(f"`{key}` is no {kind.__name__}")
    if record["status"] == "failed":
        return
    _check_scope(record["scope"])
    for key in ("runs", "curves", "layers"):
        for row in record[key]:
            for name in ("network_a", "network_b", "matching", "settings_hash"):
                if not isinstance(row[name], str):
                    raise TypeError(f"`{name}` in `{key}` is no text")
    for row in record["runs"]:
        _check_numbers(row, [column.name for column in schema.MEASURES if column.kind != "string"])
        if row["split"] not in ("train", "test"):
            raise ValueError(f"unknown split {row['split']!r}")
    for row in record["layers"]:
        _check_numbers(row, [column.name for column in schema.LAYER_MEASURES if column.kind != "string"])
    for curve in record["curves"]:
        for name in ("t", "loss", "error"):
            _check_numbers(dict(enumerate(curve[name])), range(len(curve[name])))  # type: ignore[arg-type]
        if not len(curve["t"]) == len(curve["loss"]) == len(curve["error"]):
            raise ValueError("a curve whose t, loss and error differ in length")
    for method in record["matching"]:
        _check_method(method)
    known = {method["settings_hash"] for method in record["matching"]}
    if not {row["settings_hash"] for key in ("runs", "curves", "layers") for row in record[key]} <= known:
        raise ValueError("rows of a matching method that the record does not name")
    if not all(isinstance(note, str) for note in record["notes"]):
        raise TypeError("`notes` are no sentences")


def _merged(old: Record, new: Record, path: Path, failures: list[dict[str, str]]) -> Record:
    """Return one record with the rows of two of the same job; of rows with one key the first counts, and a difference is said."""
    merged = {**old, **_joined(old, new)}
    for key in ("runs", "curves", "layers"):
        rows = {tuple(row.get(name) for name in ROW_KEY): row for row in old[key]}
        differing = set()
        for row in new[key]:
            row_key = tuple(row.get(name) for name in ROW_KEY)
            if row_key in rows and _without_times(rows[row_key]) != _without_times(row):
                differing.add(row["matching"])
            rows.setdefault(row_key, row)
        if differing:
            sentence = f"{path} has other {key} for {', '.join(sorted(differing))} than another folder has; the first folder's count"
            failures.append(_failure(old["run_id"], "conflicting", sentence))
        merged[key] = list(rows.values())
    return merged


def _without_times(row: Record) -> Record:
    return {name: value for name, value in row.items() if name not in TIMES}
