"""Records: what a job leaves on disk, one JSON file written and renamed, and the permutations beside it."""

import errno
import importlib.metadata
import io
import logging
import math
import platform
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from lmc_sweeps.common.checks import UNREADABLE, InputError
from lmc_sweeps.common.files import locked, write_atomically
from lmc_sweeps.matching.base import Matching, Permutations
from multirun_analysis import schema
from multirun_analysis.checks import read_file
from multirun_analysis.schema import FILES, SCHEMA_VERSION, NewerVersion, safe_name

log = logging.getLogger(__name__)
Record = dict[str, Any]
RECORD, PERMUTATIONS = "record.json", "permutations.npz"
POINTS_NOTE = "points:"  # begins the note on lines that have another number of points than was asked for, or than they had
NO_PLANE = "no_plane"  # of a record with planes beside it: the pairs and methods that have none
MOST_BYTES = 2**28  # of all permutations of a job
# The header of an array of integers with one axis, as NumPy writes it.
NPY = re.compile(rb"\x93NUMPY\x01\x00..\{'descr': '([<>|][iu][1248])', 'fortran_order': False, 'shape': \((\d{1,10}),\), \} *\n", re.DOTALL)
METHOD = ("matching", "settings_hash")
# Words that every row of a list has: what is measured is known by them.
ROWS = {
    **dict.fromkeys(("matching", "runs", "curves", "layers"), METHOD),
    NO_PLANE: ("network_a", "network_b", *METHOD),
}
NAMES = ("network_a", "network_b", "settings_hash")  # words of rows that are digests
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
        return _with_safe_names(record) if _is_record(record) else None
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
    if not all(isinstance(record.get(key), kind) for key, kind in kinds.items()) or not all(isinstance(of, list) for of in lists.values()):
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
    rows = [row for name in ROWS for row in record.get(name, [])]
    for row in rows:
        row |= {key: safe_name(row[key]) for key in NAMES if key in row}
    for network in record.get("networks", []):
        network["name"] = safe_name(network["name"])
    return record | {"run_id": safe_name(record["run_id"])}


def is_finished(record: Record | None) -> bool:
    """Return whether a record holds results (diverged ones too: training again would diverge again)."""
    return record is not None and record.get("status") in ("ok", "diverged")


def write_record(folder: Path, record: Record) -> None:
    """Write a record under its seal; values that are not finite become null."""
    write_atomically(folder / RECORD, schema.sealed(schema.canonical(_plain(record))))


def write_failure(folder: Path, run_id: str, scope: Mapping[str, Any], sentence: str) -> None:
    """Write down that a job failed; a record that holds results keeps them, with the failure beside them if it is of the same job."""
    with locked(folder / RECORD):
        known = read_record(folder)
        if known is None or not is_finished(known):
            failed = {"schema_version": SCHEMA_VERSION, "run_id": run_id, "status": "failed", "sentence": sentence, "scope": scope}
            write_record(folder, failed)
        elif known["run_id"] == run_id:
            write_record(folder, {**known, "failure": sentence})


def forget_failure(folder: Path) -> Record | None:
    """Take the failure off a record that holds results; return the record, or None if there was none to take off."""
    with locked(folder / RECORD):
        known = read_record(folder)
        if known is None or known.pop("failure", None) is None:
            return None
        write_record(folder, known)
    return known


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def is_measured(record: Record, method: Matching) -> bool:
    """Return whether a record holds a method with these very settings."""
    return (method.name, method.settings_hash()) in methods_of(record)


def methods_of(record: Record) -> list[tuple[str, str]]:
    """Return the methods that a record holds, with the hashes of their settings."""
    return [(entry["matching"], entry["settings_hash"]) for entry in record["matching"]]


def matching_entries(methods: Sequence[Matching], told: Callable[[Matching], dict[str, Any]] = Matching.settings) -> list[dict[str, Any]]:
    """Return what a record says of the methods that it holds; `told` gives their settings without secrets."""
    return [{"matching": m.name, "settings_hash": m.settings_hash(), "settings": told(m)} for m in methods]


def merged(old: Record, new: Record) -> Record:
    """Return a record that holds the results of both; where both have a row, the new one counts.

    Raises
    ------
    ValueError
        If it would hold lines of several numbers of points.
    """
    fresh = set(methods_of(new))
    if old["points"] != new["points"] and not fresh.issuperset(methods_of(old)):
        raise ValueError(f"lines of {old['points']} and of {new['points']} points do not go into one record")

    def keep(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if (row["matching"], row["settings_hash"]) not in fresh]

    measured = (*(f"{entry['matching']}:" for entry in new["matching"]), *(() if old["points"] == new["points"] else (POINTS_NOTE,)))
    notes = [note for note in old["notes"] if not note.startswith(measured)]  # of what was measured anew, only what is said anew
    tables = {key: keep(old[key]) + new[key] for key in ("matching", "runs", "curves", "layers")}
    tables |= {key: old[key] for key in (NO_PLANE,) if key in old}  # measured apart, and what was found stays true
    files = {FILES: {**old.get(FILES, {}), **new.get(FILES, {})}}
    return {**new, **tables, **files, "notes": list(dict.fromkeys(notes + new["notes"]))}


def write_permutations(folder: Path, found: Mapping[str, Permutations], beside: Mapping[str, np.ndarray] = MappingProxyType({})) -> str:
    """Write permutations by ``network_a.network_b.matching.settings_hash``, then group, and return the digest of the file.

    Parameters
    ----------
    folder : Path
    found : mapping
    beside : mapping of str to ndarray
        What is to stay of those that are there, as `read_permutations` returns them.
    """
    arrays = dict(beside)
    for key, maps in found.items():
        arrays |= {f"{key}/{group}": permutation for group, permutation in maps.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # names go in as keywords
    write_atomically(folder / PERMUTATIONS, buffer.getvalue())
    return schema.digest(buffer.getvalue())


def read_beside(folder: Path, record: Record, name: str) -> bytes:
    """Return the contents of a file beside a record.

    Raises
    ------
    ValueError
        If the record has a digest of the file, and it is of other contents.
    OSError
        If it is not there, or cannot be read.
    """
    contents = read_file(folder / name, 2 * MOST_BYTES)
    if schema.digest(contents) != record.get(FILES, {}).get(name, schema.digest(contents)):
        raise ValueError(f"it was changed after it was written: its sha256 is not the one in {RECORD}")
    return contents


def permutations_are_damaged(folder: Path, record: Record) -> bool:
    """Return whether the permutations beside a record are not what was written; none are not damaged."""
    try:
        return not zipfile.is_zipfile(io.BytesIO(read_beside(folder, record, PERMUTATIONS)))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


def read_permutations(folder: Path, record: Record) -> dict[str, np.ndarray]:
    """Return the permutations beside a record under ``network_a.network_b.matching.settings_hash/group``, empty if there are none."""
    path = folder / PERMUTATIONS
    try:
        contents = read_beside(folder, record, PERMUTATIONS)
        with zipfile.ZipFile(io.BytesIO(contents)) as stored:
            members = stored.infolist()
            if sum(info.file_size for info in members) > MOST_BYTES or any(info.compress_size > len(contents) for info in members):
                raise ValueError(f"it claims more than it can hold, or than {MOST_BYTES:,} bytes")
            return {_safe_key(info.filename.removesuffix(".npy")): _permutation(stored, info) for info in members}
    except FileNotFoundError:
        return {}
    except (*UNREADABLE, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error) as error:  # zipfile's, of damaged files
        log.warning("%s cannot be read (%s); the permutations in it are lost; the same command measures them again.", path, error)
        return {}


def _safe_key(key: str) -> str:
    """Return the key of a permutation with the names of earlier versions as they are now."""
    words, slash, group = key.partition("/")
    return ".".join(map(safe_name, words.split("."))) + slash + group


def _permutation(stored: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """Return one array; `np.load` would first allocate what its header claims, and evaluates that header."""
    if info.filename.partition("/")[0].count(".") != 3 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename[:200]!r} is not what write_permutations writes")
    contents = stored.read(info)
    head = NPY.match(contents)
    if head is None or int(head[2]) * np.dtype(head[1].decode()).itemsize != len(contents) - head.end():
        raise ValueError(f"{info.filename[:200]!r} is not a row of as many integers as it says")
    return np.frombuffer(contents, np.dtype(head[1].decode()), offset=head.end()).copy()


def surroundings(device: torch.device) -> dict[str, Any]:
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
