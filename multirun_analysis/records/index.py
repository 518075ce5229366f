"""The index of a sweep's records: their columns in one file, so that a second look at many records need not read each of them again.

It is verified, not trusted. The file begins with the digest of all that follows, and an entry counts for a record only while the record
file has the size, the times and the inode that it had when it was read. What is damaged, foreign or of another version is no index, and
the records are read instead. Nothing in it is ever executed (no pickle), and deleting it costs time only.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from multirun_analysis import schema
from multirun_analysis.checks import open_file, read_file
from multirun_analysis.common.renamed_files import write_renamed
from multirun_analysis.records.packed import HEAD, LAYOUTS, Layout, PackedRecord, Rows
from multirun_analysis.records.reading import check_head, check_rows

MAGIC = b"multirun_analysis index 2".ljust(31) + b"\n"  # with the digest, 64 bytes: what follows is aligned
SETTLED = 2 * 10**9  # ns; a file may change twice within the grain of its times (2 s on FAT), and look the same: one so young is read again
LAYOUT = [schema.SCHEMA_VERSION, *([layout.name, *layout.all_words, *layout.all_numbers] for layout in LAYOUTS)]
DTYPES = ("<i4", "<i8", "<f8")

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True)
class Entry:
    """A record, and what its file looked like when it was read."""

    stamp: Stamp
    record: PackedRecord


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what tells that a file is no longer what it was: a change that keeps size and mtime has another ctime or inode."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino % 2**63


def is_settled(stamp: Stamp, now: int) -> bool:
    """Return whether a file was old enough at a time [ns] that any later change shows in its stamp."""
    return max(stamp[1], stamp[2]) < now - SETTLED


def load_index(path: Path) -> dict[str, Entry]:
    """Return the entries of an index by the name of the job's folder; none if there is no index, or not a sound one of this version."""
    try:
        with open_file(path) as stream:
            if stream.read(len(MAGIC)) != MAGIC:  # before memory is taken for all of it
                return {}
        return _entries(read_file(path))
    except Exception:  # whatever a damaged or foreign file leads to, the records themselves are there
        return {}


def save_index(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write an index and rename; where that cannot be, in a folder that is read-only or full, there is none."""
    try:
        path.parent.mkdir(exist_ok=True)
        write_renamed(path, partial(_write, entries))
    except OSError:
        return


def _write(entries: Mapping[str, Entry], path: Path) -> None:
    heads, parts = _coded([json.dumps(entry.record.head[key]) if key in entry.record.head else None
                           for entry in entries.values() for key in HEAD])  # fmt: skip
    arrays = {"stamps": np.array([entry.stamp for entry in entries.values()], dtype="<i8").reshape(-1, 4), "heads": heads}
    words = {}
    for layout in LAYOUTS:
        rows = [entry.record.rows[layout.name] for entry in entries.values()]
        arrays[f"{layout.name}.words"], words[layout.name] = _coded(word for rows_of in rows for word in rows_of.words.ravel().tolist())
        arrays[f"{layout.name}.rows"] = np.array([len(rows_of.words) for rows_of in rows], dtype="<i8")
        arrays[f"{layout.name}.lengths"] = (
            np.concatenate([rows_of.lengths for rows_of in rows]).astype("<i8") if rows else np.empty(0, "<i8")
        )
        arrays[f"{layout.name}.numbers"] = np.concatenate([rows_of.numbers.ravel() for rows_of in rows]) if rows else np.empty(0)
    arrays = dict(sorted(arrays.items(), key=lambda item: -item[1].itemsize))  # numbers of eight bytes first: all are aligned
    # ASCII, so that any text that JSON can hold comes back, unpaired surrogates too; parts of heads are JSON already
    header = json.dumps({"layout": LAYOUT, "names": list(entries), "words": words,
                       "arrays": [[name, array.dtype.str, array.size] for name, array in arrays.items()]})  # fmt: skip
    text = f"[{header}, [{', '.join(parts)}]]".encode("ascii")
    pieces = [len(text).to_bytes(8, "little"), text, b" " * (-len(text) % 8), *(array.tobytes() for array in arrays.values())]
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    with path.open("wb") as stream:
        stream.writelines([MAGIC, digest.digest(), *pieces])


def _coded(values: Iterable[str | None]) -> tuple[np.ndarray, list[str]]:
    """Return texts as numbers of a vocabulary, -1 for None, and the vocabulary."""
    codes_by_word: dict[str, int] = {}
    codes = [-1 if value is None else codes_by_word.setdefault(value, len(codes_by_word)) for value in values]
    return np.array(codes, dtype="<i4"), list(codes_by_word)


def _entries(data: bytes) -> dict[str, Entry]:
    view, start = memoryview(data), len(MAGIC) + 32
    if data[: len(MAGIC)] != MAGIC or hashlib.sha256(view[start:]).digest() != data[len(MAGIC) : start]:
        raise ValueError("damaged, or of another version")
    size = int.from_bytes(view[start : start + 8], "little")
    header, parts = json.loads(bytes(view[start + 8 : start + 8 + size]))
    if header["layout"] != LAYOUT:
        raise ValueError("other columns")
    arrays = _arrays(view, start + 8 + size + -size % 8, header["arrays"])
    names, stamps = header["names"], arrays["stamps"].reshape(-1, 4)
    heads = arrays["heads"].reshape(len(names), len(HEAD))
    if len(stamps) != len(names) or not _within(heads, parts):
        raise ValueError("parts that do not fit together")
    rows = {layout.name: _rows(arrays, layout, header["words"][layout.name], len(names)) for layout in LAYOUTS}
    entries = {}
    for k, (name, stamp, codes) in enumerate(zip(names, stamps.tolist(), heads.tolist(), strict=True)):
        head = {key: parts[code] for key, code in zip(HEAD, codes, strict=True) if code >= 0}
        check_head(head)
        entries[name] = Entry(tuple(stamp), PackedRecord(head, {key: blocks[k] for key, blocks in rows.items()}))
    for entry in entries.values():
        check_rows(entry.record)
    return entries


def _arrays(view: memoryview, start: int, layout: Sequence[Sequence[Any]]) -> dict[str, np.ndarray]:
    """Return the arrays of an index as views of its bytes."""
    arrays = {}
    for name, dtype, size in layout:
        if dtype not in DTYPES:
            raise ValueError("a type of numbers that no index has")
        arrays[name] = np.frombuffer(view, dtype=dtype, count=size, offset=start)
        start += arrays[name].nbytes
    return arrays


def _rows(arrays: Mapping[str, np.ndarray], layout: Layout, words: list[str], n: int) -> list[Rows]:
    """Return the rows of one kind of every record."""
    codes, counts, lengths, numbers = (arrays[f"{layout.name}.{part}"] for part in ("words", "rows", "lengths", "numbers"))
    codes, numbers = codes.reshape(-1, len(layout.all_words)), numbers.reshape(-1, len(layout.all_numbers))
    if len(counts) != n or (counts < 0).any() or (lengths < 0).any() or not _within(codes, words):
        raise ValueError("parts that do not fit together")
    if not counts.sum() == len(codes) == len(lengths) or lengths.sum() != len(numbers) or not all(type(word) is str for word in words):
        raise ValueError("parts that do not fit together")
    values = np.array([*words, None], dtype=object)[codes]  # -1, the last one, is None
    ends = np.concatenate([[0], np.cumsum(counts)])
    points = np.concatenate([[0], np.cumsum(lengths)])[ends].tolist()
    ends = ends.tolist()
    return [Rows(values[ends[k] : ends[k + 1]], lengths[ends[k] : ends[k + 1]], numbers[points[k] : points[k + 1]]) for k in range(n)]


def _within(codes: np.ndarray, vocabulary: Sequence[Any]) -> bool:
    return codes.size == 0 or bool(-1 <= codes.min() and codes.max() < len(vocabulary))
