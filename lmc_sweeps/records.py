"""Records: what a job leaves on disk, one JSON file written and renamed, and the permutations beside it."""

import importlib.metadata
import io
import json
import logging
import math
import platform
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lmc_sweeps.checks import UNREADABLE, InputError
from lmc_sweeps.files import write_atomically
from lmc_sweeps.matching.base import Matching, Permutations
from multirun_analysis.schema import SCHEMA_VERSION, SEAL_KEY, check_seal, sealed

log = logging.getLogger(__name__)
Record = dict[str, Any]
RECORD, PERMUTATIONS = "record.json", "permutations.npz"
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
PACKAGES = ("lmc-sweeps", "torch", "numpy", "scipy", "pot", "scikit-learn", "hydra-core", "pandas")


def read_record(folder: Path) -> Record | None:
    """Return the record of a job's folder, or None if there is none or it cannot be read (then the job is run again).

    Raises
    ------
    InputError
        If a later version of lmc_sweeps wrote it: it is not overwritten.
    """
    try:
        contents = (folder / RECORD).read_bytes()
        record = json.loads(contents.decode())
        check_seal(contents)
        record.pop(SEAL_KEY, None)
        version = int(record["schema_version"])
    except UNREADABLE:
        return None
    if version > SCHEMA_VERSION:
        raise InputError(f"{folder / RECORD} has schema version {version}; this lmc_sweeps reads up to {SCHEMA_VERSION}. Use a newer one.")
    return record if _is_record(record) else None


def _is_record(record: Any) -> bool:
    """Return whether a record has the parts that are built upon; one without them counts as none."""
    kinds: dict[str, type] = {"run_id": str, "status": str}
    if is_finished(record):
        kinds |= {"points": int, "matching": list, "networks": list, "notes": list, "config": dict, "data": dict}
        kinds |= {"runs": list, "curves": list, "layers": list}
    lists = {name: record.get(name, []) for name in (*ROWS, "notes")}
    if not all(isinstance(record.get(key), kind) for key, kind in kinds.items()) or not all(isinstance(of, list) for of in lists.values()):
        return False
    words = [row.get(key) if isinstance(row, dict) else None for name, keys in ROWS.items() for row in lists[name] for key in keys]
    return all(isinstance(word, str) for word in (*words, *lists["notes"]))


def is_finished(record: Record | None) -> bool:
    """Return whether a record holds results (diverged ones too: training again would diverge again)."""
    return record is not None and record.get("status") in ("ok", "diverged")


def write_record(folder: Path, record: Record) -> None:
    """Write a record under its seal; values that are not finite become null."""
    write_atomically(folder / RECORD, sealed(json.dumps(_plain(record), indent=1, sort_keys=True, allow_nan=False)))


def write_failure(folder: Path, run_id: str, scope: Mapping[str, Any], sentence: str) -> None:
    """Write down that a job failed; a record that holds results keeps them, with the failure beside them if it is of the same job."""
    known = read_record(folder)
    if known is not None and is_finished(known):
        if known["run_id"] == run_id:
            write_record(folder, {**known, "failure": sentence})
    else:
        write_record(folder, {"schema_version": SCHEMA_VERSION, "run_id": run_id, "status": "failed", "sentence": sentence, "scope": scope})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def is_measured(record: Record, method: Matching, points: int) -> bool:
    """Return whether a record holds a method with these very settings, on lines of that many points."""
    found = [(entry["matching"], entry["settings_hash"]) for entry in record["matching"]]
    return record["points"] == points and (method.name, method.settings_hash()) in found


def matching_entries(methods: Sequence[Matching]) -> list[dict[str, Any]]:
    """Return what a record says of the methods that it holds."""
    return [{"matching": m.name, "settings_hash": m.settings_hash(), "settings": m.settings()} for m in methods]


def merged(old: Record, new: Record) -> Record:
    """Return a record that holds the results of both; where both have a row, the new one counts."""
    fresh = {(entry["matching"], entry["settings_hash"]) for entry in new["matching"]}

    def keep(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if (row["matching"], row["settings_hash"]) not in fresh]

    measured = tuple(f"{entry['matching']}:" for entry in new["matching"])
    notes = [note for note in old["notes"] if not note.startswith(measured)]  # of what was measured anew, only what is said anew
    tables = {key: keep(old[key]) + new[key] for key in ("matching", "runs", "curves", "layers")}
    tables |= {key: old[key] for key in (NO_PLANE,) if key in old}  # measured apart, and what was found stays true
    return {**new, **tables, "notes": list(dict.fromkeys(notes + new["notes"]))}


def write_permutations(folder: Path, found: Mapping[str, Permutations]) -> None:
    """Write permutations by ``network_a.network_b.matching.settings_hash``, then group, beside those already there."""
    arrays = dict(read_permutations(folder))
    for key, maps in found.items():
        arrays |= {f"{key}/{group}": permutation for group, permutation in maps.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # names go in as keywords
    write_atomically(folder / PERMUTATIONS, buffer.getvalue())


def permutations_are_damaged(folder: Path) -> bool:
    """Return whether a folder has permutations that cannot be listed; the list is at the end of the file, so a file cut off has none."""
    path = folder / PERMUTATIONS
    return path.is_file() and not zipfile.is_zipfile(path)


def read_permutations(folder: Path) -> dict[str, np.ndarray]:
    """Return the permutations of a folder under ``network_a.network_b.matching.settings_hash/group``, empty if there are none."""
    path = folder / PERMUTATIONS
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as stored:
            held, members = path.stat().st_size, stored.infolist()
            if sum(info.file_size for info in members) > MOST_BYTES or any(info.compress_size > held for info in members):
                raise ValueError(f"it claims more than it can hold, or than {MOST_BYTES:,} bytes")
            return {info.filename.removesuffix(".npy"): _permutation(stored, info) for info in members}
    except FileNotFoundError:
        return {}
    except (*UNREADABLE, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error) as error:  # zipfile's, of damaged files
        log.warning("%s cannot be read (%s); the permutations in it are lost; the same command measures them again.", path, error)
        return {}


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
