"""The seal of a record: the digest by which a reader knows that it says what was written."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from multirun_analysis.schema.keys import safe_name

SCHEMA_VERSION = 1
MOST_OF_A_RECORD = 2**29  # bytes: that of 100 networks with ten methods has a tenth of it
SEAL_KEY = "sha256"  # the last key of a record: the digest of its text without that key
NO_SEAL = f"it has no seal (`{SEAL_KEY}`), so that nothing shows whether it was changed"
CHANGED = "it was changed after it was written: its sha256 is not that of its text"
FILES: Final = "files"  # of a record: the digests of the files beside it, by their names
_SEAL = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n}$')
_SEAL_LENGTH = len(',\n "sha256": ""\n}') + 64
MASKED = re.compile(r".* \((x?[0-9a-f]{8})\)", re.DOTALL)  # a text that is not shown: where it came from, and its digest


class NewerVersion(ValueError):
    """A record that a later version wrote: there is nothing wrong with it."""

    def __init__(self, version: int) -> None:
        super().__init__(f"schema version {version}; this multirun_analysis reads up to {SCHEMA_VERSION}, use a newer one")
        self.version = version


def sealed(text: str) -> bytes:
    """Return the text of a JSON object, as `canonical` gives it, with its SHA-256 as the last key."""
    return text.removesuffix("\n}").encode() + f',\n "{SEAL_KEY}": "{digest(text.encode())}"\n}}'.encode()


def canonical(value: Any) -> str:
    """Return a value as the one JSON text that its seal is of."""
    return json.dumps(value, indent=1, sort_keys=True)


def digest(contents: bytes) -> str:
    """Return the SHA-256 of a file's contents, as it stands in a record under `FILES`."""
    return hashlib.sha256(contents).hexdigest()


def mark_of(text: str) -> str:
    """Return the digest by which a text that is not shown can be recognised."""
    return safe_name(digest(text.encode())[:8])


def open_record(contents: bytes) -> dict[str, Any]:
    """Return the record in the contents of a file, without its seal.

    The seal is of what the record says, not of how its text is laid out: what an editor or a tool has formatted again is read as long as
    every word and number is the one that was written, and refused otherwise.

    Raises
    ------
    NewerVersion
        If a later version wrote it.
    ValueError, TypeError, KeyError, RecursionError
        If it is no JSON object, has no seal, a key twice, or has changed since it was sealed.
    """
    ending = _SEAL.search(contents, max(0, len(contents) - _SEAL_LENGTH))
    is_as_written = ending is not None and digest(contents[: ending.start()] + b"\n}") == ending[1].decode()
    record = json.loads(contents) if is_as_written else json.loads(contents.decode("utf-8-sig"), object_pairs_hook=_each_once)
    if not isinstance(record, dict):
        raise TypeError("it is no JSON object")
    seal = record.pop(SEAL_KEY, None)
    if seal is not None and not is_as_written and digest(canonical(record).encode()) != str(seal).lower():
        raise ValueError(CHANGED)
    version = record["schema_version"]
    if type(version) is not int:
        raise TypeError("`schema_version` is no integer")
    if version > SCHEMA_VERSION:  # without a seal too: it may have another kind of seal
        raise NewerVersion(version)
    if seal is None:
        raise ValueError(NO_SEAL)
    return record


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose keys all differ: of two values under one key another reader may take the other one."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a key stands in it twice")
    return entries


def sealed_line(entry: Mapping[str, Any]) -> str:
    """Return an object as a line of a ``.jsonl`` file, with a seal of its own."""
    return json.dumps({**entry, SEAL_KEY: _line_digest(entry)}, sort_keys=True) + "\n"


def open_line(line: str) -> dict[str, Any]:
    """Return the object of a line without its seal.

    Raises
    ------
    ValueError, TypeError, RecursionError
        If it is no JSON object, has no seal, a key twice, or has changed since it was sealed.
    """
    entry = json.loads(line, object_pairs_hook=_each_once)
    if not isinstance(entry, dict):
        raise TypeError("it is no JSON object")
    seal = entry.pop(SEAL_KEY, None)
    if seal is None:
        raise ValueError(NO_SEAL)
    if str(seal).lower() != _line_digest(entry):
        raise ValueError(CHANGED)
    return entry


def _line_digest(entry: Mapping[str, Any]) -> str:
    return digest(json.dumps(entry, sort_keys=True).encode())
