"""Reading one record, or one expected job, from disk, with everything checked that the tables rely on."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from multirun_analysis import schema
from multirun_analysis.checks import read_file
from multirun_analysis.common.redaction import MASK, is_secret, redacted_value
from multirun_analysis.records.names import table_name
from multirun_analysis.records.packed import CURVES, HEAD, LAYERS, LAYOUTS, ROW_KEY, RUNS, TRAINING_CURVES, PackedRecord, pack
from multirun_analysis.records.varying import FINGERPRINT
from multirun_analysis.schema import DIGESTS, PAIR, TRAINING, NewerVersion, method_of, repair_of, safe_name

__all__ = ["UNREADABLE", "NewerVersion", "check_head", "check_rows", "open_record", "read_expected", "read_json", "read_record"]

# What reading a file that holds anything at all can end in.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)

# The range of the numbers that every table has.
RANGES = {"width": (1, 2**53), "depth": (1, 2**53), "seed": (0, 2**64)}
# Names that tables have for something else than a setting.
COLUMNS = {column.name for _, columns in schema.files().values() for column in columns} - {"dataset", "model", *RANGES}
COLUMNS |= {"loss_endpoint", "error_endpoint"}


def read_json(text: str) -> Any:
    """Return what a text of JSON holds.

    Raises
    ------
    ValueError, RecursionError
        If it is no JSON, or has half a letter in it (an unpaired surrogate), which no file and no terminal takes.
    """
    value = json.loads(text)
    _check_letters(text, value)
    return value


def _check_letters(text: str, value: Any) -> None:
    if "\\ud" in text.lower():
        json.dumps(value, ensure_ascii=False).encode()


def open_record(path: Path) -> dict[str, Any]:
    """Return a record as it was written, its seal checked.

    Raises
    ------
    UNREADABLE
        If there is no file, or not a record in it, or it has changed since it was written.
    """
    contents = read_file(path, schema.MOST_OF_A_RECORD)
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
    _name(record)
    if record["status"] == "failed":
        return PackedRecord({key: record[key] for key in HEAD if key in record}, {})
    packed = pack(record)
    check_rows(packed)
    return packed


def _name(record: dict[str, Any]) -> None:
    """Give the names in a record, or in what is expected of a job, the form that tables hold."""
    record["run_id"] = table_name(record["run_id"])
    scope = record["scope"]
    if isinstance(scope.get(FINGERPRINT), str):
        scope[FINGERPRINT] = safe_name(scope[FINGERPRINT])
    for key, value in scope.items():
        if isinstance(value, str):
            scope[key] = _masked(key, value)
    for entries in ("matching", "repair", RUNS.name, CURVES.name, LAYERS.name, TRAINING):
        for entry in record.get(entries, ()):
            for key in DIGESTS:
                if isinstance(name := entry.get(key), str):
                    entry[key] = table_name(name)


@lru_cache(maxsize=2**12)  # a sweep has the same few settings in all its records
def _masked(key: str, value: str) -> str:
    """Return a setting, its secret masked if it has one; a digest keeps two secrets apart, as the writer of records does it."""
    if schema.MASKED.fullmatch(value):
        return value
    shown = MASK if is_secret(key) else redacted_value(value)
    return value if shown == value else f"{shown} ({schema.mark_of(value)})"


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
    for repair in head.get("repair", ()):
        _check_repair(repair)
    if not all(isinstance(note, str) for note in head["notes"]):
        raise TypeError("`notes` are no sentences")
    if type(head.get("points", 3)) is not int:
        raise TypeError("`points` is no int")
    if not isinstance(head.get("failure"), str | None):
        raise TypeError("`failure` is no sentence")


def check_rows(packed: PackedRecord) -> None:
    """Raise unless the rows of a record are of methods and networks that it names, of splits that there are, with readable test blocks."""
    methods, repairs = set(map(method_of, packed.head["matching"])), set(map(repair_of, packed.head["repair"]))
    for layout in LAYOUTS:
        rows = packed.rows[layout.name]
        keys = rows.keys(layout, ROW_KEY)
        if len(set(keys)) < len(keys):
            raise ValueError(f"two rows of one pair, method, repair and split in `{layout.name}`")
        if layout is TRAINING_CURVES:
            continue
        if not methods.issuperset(key[2:4] for key in keys):
            raise ValueError("rows of a matching method that the record does not name")
        if layout is not LAYERS and not repairs.issuperset(key[4:6] for key in keys):
            raise ValueError("rows of a repair that the record does not name")
    for layout in (RUNS, TRAINING_CURVES):
        for (split,) in packed.rows[layout.name].keys(layout, ("split",)):
            if split not in ("train", "test"):
                raise ValueError(f"unknown split {split!r}")
    _check_curves(packed)
    for text in packed.rows[RUNS.name].words[:, RUNS.all_words.index(schema.TEST_BLOCKS)]:
        if text is not None:
            schema.open_blocks(text)


def _check_curves(packed: PackedRecord) -> None:
    """Raise unless training curves are of networks that the record has pairs of, after whole epochs."""
    networks = {name for pair in packed.rows[RUNS.name].keys(RUNS, PAIR) for name in pair}
    for network, epoch in packed.rows[TRAINING_CURVES.name].keys(TRAINING_CURVES, ("network", "epoch")):
        if network not in networks:
            raise ValueError("a training curve of a network that the record has no pair of")
        if not (0 <= epoch < 2**53 and epoch % 1 == 0):
            raise ValueError(f"`epoch` is no number of epochs: {epoch!r}")


def read_expected(line: str) -> dict[str, Any]:
    """Return the job that a line of ``expected.jsonl`` expects.

    Raises
    ------
    UNREADABLE
        If it is not such a line.
    """
    entry = schema.open_line(line)
    _check_letters(line, entry)
    if not (isinstance(entry["run_id"], str) and type(entry["n_pairs"]) is int and 0 < entry["n_pairs"] < 2**53):
        raise TypeError("not the line of a job")
    _check_scope(entry["scope"])
    for method in entry["matching"]:
        _check_method(method)
    for repair in entry.setdefault("repair", [dict(schema.NO_REPAIR)]):
        _check_repair(repair)
    for how in entry.get("computed", {}).values():
        if not (isinstance(how["expression"], str) and how["keys"] and all(isinstance(key, str) for key in how["keys"])):
            raise TypeError("`computed` does not say what a key is computed from")
    _name(entry)
    return dict(entry)


def _check_scope(scope: Any) -> None:
    for key, kind in (("dataset", str), ("model", str)):
        if not isinstance(scope[key], kind):
            raise TypeError(f"`{key}` is no {kind.__name__}")
    for key, (least, below) in RANGES.items():
        if type(scope[key]) is not int:  # a truth is none
            raise TypeError(f"`{key}` is no int")
        if not least <= scope[key] < below:
            raise ValueError(f"`{key}` is not from {least} to {below - 1}")
    if taken := scope.keys() & COLUMNS:
        raise ValueError(f"`{min(taken)}` is the name of a column, and of no setting")
    for value in scope.values():
        if isinstance(value, list | dict):
            json.dumps(value)  # too deep to be written


def _check_repair(repair: Any) -> None:
    if not (isinstance(repair["repair"], str) and isinstance(repair["repair_hash"], str) and isinstance(repair["settings"], dict)):
        raise TypeError("not a repair")
    json.dumps(repair["settings"])


def _check_method(method: Any) -> None:
    if not (isinstance(method["matching"], str) and isinstance(method["settings_hash"], str) and isinstance(method["settings"], dict)):
        raise TypeError("not a matching method")
    json.dumps(method["settings"])
