"""Records: what a job leaves on disk, one JSON file written and renamed."""

import errno
import importlib.metadata
import logging
import math
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypedDict, cast

import torch

from lmc_sweeps.common.checks import UNREADABLE, InputError
from lmc_sweeps.common.files import locked, write_atomically
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.repair.base import Repair
from multirun_analysis import schema
from multirun_analysis.checks import read_file
from multirun_analysis.schema import (
    DIGESTS,
    FILES,
    METHOD,
    PAIR,
    RECORD,
    REPAIR,
    SCHEMA_VERSION,
    TRAINING,
    TRAINING_KEY,
    NewerVersion,
    method_of,
    repair_of,
    safe_name,
)

log = logging.getLogger(__name__)
Row = dict[str, Any]  # of a table, under its column names


class MethodEntry(TypedDict):
    """What a record says of a matching method that it holds."""

    matching: str
    settings_hash: str
    settings: dict[str, Any]


class RepairEntry(TypedDict):
    """What a record says of a repair that it holds."""

    repair: str
    repair_hash: str
    settings: dict[str, Any]


class Record(TypedDict, total=False):
    """What ``record.json`` holds, but for its seal; a job that failed has the first four keys and `scope` only."""

    schema_version: int
    run_id: str
    status: str
    sentence: str
    config: dict[str, Any]
    scope: Mapping[str, Any]
    data: dict[str, Any]
    networks: list[dict[str, Any]]
    points: int
    matching: list[MethodEntry]
    repair: list[RepairEntry]
    runs: list[Row]
    curves: list[Row]
    layers: list[Row]
    searches: list[Row]
    training: list[Row]
    notes: list[str]
    no_plane: list[Row]
    files: dict[str, str]
    failure: str
    seconds: float
    versions: dict[str, str]
    machine: dict[str, Any]


POINTS_NOTE = "points:"  # begins the note on lines that have another number of points than was asked for, or than they had
SEARCHES: Final = "searches"  # of a record of methods that iterate: their objective by iteration, and how they ended
NO_PLANE: Final = "no_plane"  # of a record with planes beside it: the pairs and methods that have none
MOST_BESIDE = 2**29  # bytes of a file beside a record
# Words that every row of a list has: what is measured is known by them.
ROWS = {
    **dict.fromkeys(("matching", "runs", "curves", "layers"), METHOD),
    "repair": REPAIR,
    SEARCHES: (*PAIR, *METHOD),
    NO_PLANE: (*PAIR, *METHOD),
    TRAINING: TRAINING_KEY,
}
PACKAGES = ("lmc-sweeps", "torch", "numpy", "scipy", "pot", "scikit-learn", "hydra-core", "pandas")


def read_record(folder: Path) -> Record | None:
    """Return the record of a job's folder, or None if there is none, it cannot be read or it was changed (then the job is run again).

    Raises
    ------
    InputError
        If a later version of lmc_sweeps wrote it, or it is there and cannot be read: it is not overwritten.
    """
    path = folder / RECORD
    try:
        record = schema.open_record(read_file(path, schema.MOST_OF_A_RECORD))
        return _with_safe_names(cast(Record, record)) if _is_record(record) else None
    except NewerVersion as later:
        text = f"{path} has schema version {later.version}; this lmc_sweeps reads up to {SCHEMA_VERSION}. Use a newer one."
        raise InputError(text) from None
    except OSError as error:
        if path.is_file() and error.errno not in (errno.EFBIG, errno.ENOENT):  # that it cannot be read says nothing of what it holds
            raise InputError(f"{path} cannot be read ({error.strerror or error}), so nothing is put in its place.") from error
        return None
    except UNREADABLE:
        return None


def check_same_job(folder: Path, record: Record | None, run_id: str) -> None:
    """Raise `InputError` if a folder holds the finished record of another job, which is neither returned as this one's nor overwritten."""
    if record is not None and is_finished(record) and record["run_id"] != run_id:
        raise InputError(f"{folder} holds the record of another job, {record['run_id']}; a job needs a folder of its own.")


def _is_record(record: Any) -> bool:
    """Return whether a record has the parts that are built upon; one without them counts as none."""
    kinds: dict[str, type] = {"run_id": str, "status": str}
    if is_finished(record):
        kinds |= {"points": int, "matching": list, "networks": list, "notes": list, "config": dict, "data": dict}
        kinds |= {"runs": list, "curves": list, "layers": list}
    lists = {name: record.get(name, []) for name in (*ROWS, "notes")}
    if not all(isinstance(record.get(key), kind) for key, kind in kinds.items()):
        return False
    if not all(isinstance(rows, list) for rows in lists.values()):
        return False
    if not isinstance(record.get(FILES, {}), dict):
        return False
    words = [row.get(key) if isinstance(row, dict) else None for name, keys in ROWS.items() for row in lists[name] for key in keys]
    if not all(isinstance(word, str) for word in (*words, *lists["notes"])):
        return False
    # All lines of a record have as many points as it says; earlier versions could mix those of two commands.
    return all(isinstance(row.get("t"), list) and len(row["t"]) == record.get("points") for row in lists["curves"])


def _with_safe_names(record: Record) -> Record:
    """Return a record with the names of earlier versions as they are now: none that a table could take for a number."""
    tables = cast(Mapping[str, list[Row]], record)
    for row in (row for name in ROWS for row in tables.get(name, [])):
        row |= {key: safe_name(row[key]) for key in DIGESTS if key in row}
    for network in record.get("networks", []):
        network["name"] = safe_name(network["name"])
    return {**record, "run_id": safe_name(record["run_id"])}


def is_finished(record: Record | None) -> bool:
    """Return whether a record holds results (diverged ones too: training again would diverge again)."""
    return record is not None and record.get("status") in ("ok", "diverged")


def write_record(folder: Path, record: Record) -> Record:
    """Write a record under its seal, and return it as it is read again: values that are not finite become null."""
    plain = cast(Record, _plain(record))
    write_atomically(folder / RECORD, schema.sealed(schema.canonical(plain)))
    return plain


def write_failure(folder: Path, run_id: str, scope: Mapping[str, Any], sentence: str) -> None:
    """Write down that a job failed; a record that holds results keeps them, with the failure beside them if it is of the same job."""
    with locked(folder / RECORD):
        record = read_record(folder)
        if record is None or not is_finished(record):
            write_record(
                folder, {"schema_version": SCHEMA_VERSION, "run_id": run_id, "status": "failed", "sentence": sentence, "scope": scope}
            )
        elif record["run_id"] == run_id:
            write_record(folder, {**record, "failure": sentence})


def forget_failure(folder: Path) -> Record | None:
    """Take the failure off a record that holds results; return the record, or None if there was none to take off."""
    with locked(folder / RECORD):
        record = read_record(folder)
        if record is None or record.pop("failure", None) is None:
            return None
        write_record(folder, record)
    return record


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def is_measured(
    record: Record, method: Matching, repairs: Sequence[Repair], pairs: Sequence[tuple[int, int]] = (), splits: Sequence[str] = ()
) -> bool:
    """Return whether a record holds a method with these very settings, under some repairs, for some pairs of networks, on some splits."""
    key = (method.name, method.settings_hash())
    names = dict(enumerate(network["name"] for network in record["networks"]))
    rows = [row for row in record["runs"] if method_of(row) == key]
    has_pairs = {(names.get(i), names.get(j)) for i, j in pairs} <= {tuple(row.get(name) for name in PAIR) for row in rows}
    return (
        has_pairs
        and set(splits) <= {row.get("split") for row in rows}
        and {(repair.name, repair.settings_hash()) for repair in repairs} <= repairs_of(record, key)
    )


def repairs_of(record: Record, method: tuple[str, str]) -> set[tuple[str, str]]:
    """Return the repairs, with the hashes of their settings, that a record holds of a method; none if it does not hold the method."""
    return {repair_of(row) for row in record["runs"] if method_of(row) == method}


def methods_of(record: Record) -> list[tuple[str, str]]:
    """Return the methods that a record holds, with the hashes of their settings."""
    return [method_of(entry) for entry in record["matching"]]


def matching_entries(
    methods: Sequence[Matching], settings_of: Callable[[Matching], dict[str, Any]] = Matching.settings
) -> list[MethodEntry]:
    """Return what a record says of the methods that it holds; `settings_of` gives their settings without secrets.

    Digests of a user's own code stand among the settings: they tell one method from another as these do.
    """
    return [{"matching": m.name, "settings_hash": m.settings_hash(), "settings": settings_of(m) | m.code()} for m in methods]


def repair_entries(repairs: Sequence[Repair], settings_of: Callable[[Repair], dict[str, Any]] = Repair.settings) -> list[RepairEntry]:
    """Return what a record says of the repairs that it holds; `settings_of` gives their settings without secrets."""
    return [{"repair": r.name, "repair_hash": r.settings_hash(), "settings": settings_of(r) | r.code()} for r in repairs]


def read_beside(folder: Path, record: Record, name: str) -> bytes:
    """Return the contents of a file beside a record.

    Raises
    ------
    ValueError
        If the record has a digest of the file, and it is of other contents.
    OSError
        If it is not there, or cannot be read.
    """
    contents = read_file(folder / name, MOST_BESIDE)
    if schema.digest(contents) != record.get(FILES, {}).get(name, schema.digest(contents)):
        raise ValueError(f"it was changed after it was written: its sha256 is not the one in {RECORD}")
    return contents


def surroundings(device: torch.device) -> Record:
    """Return the versions and the machine that a job ran on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    machine = {"system": platform.platform(), "device": str(device), "device_name": name, "threads": torch.get_num_threads()}
    return {"versions": dict(_versions()), "machine": machine}


@cache  # the same for every job of a process, and slow to find
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions
