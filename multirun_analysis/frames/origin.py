"""Where a sweep without records was read from: the tables of an analysis, and what its ``provenance.json`` says of the sweep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multirun_analysis.checks import InputError, read_file
from multirun_analysis.records.reading import UNREADABLE, read_json

PROVENANCE = "provenance.json"


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _are_mappings(value: Any) -> bool:
    """Return whether a value is a list of texts that hold JSON, as `provenance` has machines and versions."""
    try:
        return _are_texts(value) and all(isinstance(read_json(entry), dict | None) for entry in value)
    except UNREADABLE:
        return False


def _are_seconds(value: Any) -> bool:
    return isinstance(value, dict) and all(type(number) in (int, float) for number in value.values())


# What every provenance says: the rule in words, and whether a value keeps it.
COUNT, MAPPINGS = ("a count", _is_count), ("a list of mappings as JSON", _are_mappings)
RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "jobs": COUNT,
    "failures": COUNT,
    "networks": COUNT,
    "settings": ("a mapping", lambda value: isinstance(value, dict)),
    "varying": ("a mapping of lists", lambda value: isinstance(value, dict) and all(isinstance(one, list) for one in value.values())),
    "seconds": ("a mapping of numbers", _are_seconds),
    "machines": MAPPINGS,
    "versions": MAPPINGS,
    "notes": ("a list of sentences", _are_texts),
}


@dataclass(frozen=True)
class Origin:
    """What stands in place of records.

    Parameters
    ----------
    files : mapping of str to Path
        The files of the tables of pairs that there are, by the names of the tables.
    varying : tuple of str
        The varying keys, in the order of their columns.
    facts : mapping, optional
        What ``provenance.json`` says; None where there is no such file.
    notes : tuple of str
        What readers must know of an analysis without records.
    """

    files: Mapping[str, Path]
    varying: tuple[str, ...]
    facts: Mapping[str, Any] | None
    notes: tuple[str, ...]


def read_facts(folder: Path) -> Mapping[str, Any] | None:
    """Return what ``provenance.json`` in a folder says, or None if there is no such file.

    Raises
    ------
    InputError
        If it cannot be read, or lacks something that `provenance` writes.
    """
    path = folder / PROVENANCE
    if not path.is_file():
        return None
    try:
        facts = read_json(read_file(path).decode())
    except UNREADABLE as error:
        raise InputError(f"{str(path)!r} must be JSON, and cannot be read: {error}.") from error
    if not isinstance(facts, dict):
        raise InputError(f"{str(path)!r} must hold a mapping, and does not.")
    for key, (rule, is_kept) in RULES.items():
        if not is_kept(facts.get(key)):
            raise InputError(f"`{key}` in {str(path)!r} must be {rule}, and is not.")
    return facts
