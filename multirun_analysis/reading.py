"""Reading one record, or one expected job, from disk, with everything checked that the tables rely on."""

import json
from pathlib import Path
from typing import Any

from multirun_analysis import schema
from multirun_analysis.checks import read_file
from multirun_analysis.packed import HEAD, LAYOUTS, RUNS, PackedRecord, pack
from multirun_analysis.schema import NewerVersion

__all__ = ["UNREADABLE", "NewerVersion", "check_head", "check_rows", "open_record", "read_expected", "read_json", "read_record"]

# What reading a file that holds anything at all can end in.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


def read_json(text: str) -> Any:
    """Return what a text of JSON holds.

    Raises
    ------
    ValueError, RecursionError
        If it is no JSON, or has half a letter in it (an unpaired surrogate), which no file and no terminal takes.
    """
    found = json.loads(text)
    _check_letters(text, found)
    return found


def _check_letters(text: str, found: Any) -> None:
    if "\\ud" in text.lower():
        json.dumps(found, ensure_ascii=False).encode()


def open_record(path: Path) -> dict[str, Any]:
    """Return a record as it was written, its seal checked.

    Raises
    ------
    UNREADABLE
        If there is no file, or not a record in it, or it has changed since it was written.
    """
    contents = read_file(path)
    record = schema.open_record(contents)
    _check_letters(contents.decode(), record)
    return record


def read_record(path: Path) -> PackedRecord:
    """Return a record in columns; one of a failed job has a head only.

    Raises
    ------
    UNREADABLE
        If there is no file, or not a record in it, or it has changed since it was written.
    """
    record = open_record(path)
    check_head(record)
    if record["status"] == "failed":
        return PackedRecord({key: record[key] for key in HEAD if key in record}, {})
    packed = pack(record)
    check_rows(packed)
    return packed


def check_head(head: Any) -> None:
    """Raise unless a record has all that is said of a job apart from its rows."""
    if head["status"] not in ("ok", "diverged", "failed"):
        raise ValueError(f"unknown status {head['status']!r}")
    for key, kind in (("run_id", str), ("sentence", str), ("scope", dict)):
        if not isinstance(head[key], kind):
            raise TypeError(f"`{key}` is no {kind.__name__}")
    if head["status"] == "failed":
        return
    _check_scope(head["scope"])
    for method in head["matching"]:
        _check_method(method)
    if not all(isinstance(note, str) for note in head["notes"]):
        raise TypeError("`notes` are no sentences")


def check_rows(packed: PackedRecord) -> None:
    """Raise unless the rows of a record are of methods that it names, and of splits that there are."""
    known = {method["settings_hash"] for method in packed.head["matching"]}
    for layout in LAYOUTS:
        if not known.issuperset(packed.rows[layout.name].words[:, layout.words.index("settings_hash")]):
            raise ValueError("rows of a matching method that the record does not name")
    for split in packed.rows[RUNS.name].words[:, RUNS.words.index("split")]:
        if split not in ("train", "test"):
            raise ValueError(f"unknown split {split!r}")


def read_expected(line: str) -> dict[str, Any]:
    """Return the job that a line of ``expected.jsonl`` expects.

    Raises
    ------
    UNREADABLE
        If it is not such a line.
    """
    entry = schema.open_line(line)
    _check_letters(line, entry)
    if not (isinstance(entry["run_id"], str) and isinstance(entry["n_pairs"], int)):
        raise TypeError("not the line of a job")
    _check_scope(entry["scope"])
    for method in entry["matching"]:
        _check_method(method)
    return dict(entry)


def _check_scope(scope: Any) -> None:
    for key, kind in (("dataset", str), ("model", str), ("width", int), ("depth", int), ("seed", int)):
        if not isinstance(scope[key], kind):
            raise TypeError(f"`{key}` is no {kind.__name__}")


def _check_method(method: Any) -> None:
    if not (isinstance(method["matching"], str) and isinstance(method["settings_hash"], str) and isinstance(method["settings"], dict)):
        raise TypeError("not a matching method")
