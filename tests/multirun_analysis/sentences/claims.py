"""Sentences and their data: passages of a page, and from committed tables the value of every number in them."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[3]
NUMBER = re.compile(r"(?<![\w.,^])[-−+]?\d(?:[\d,]*\d)?(?:\.\d+)?(?!\w)|(?<=\^)[-−]?\d+(?:\.\d+)?|(?<=×)\d+(?:\.\d+)?")
# Blocks, comments, code, targets of links, formulas.
NOT_TEXT = re.compile(r"```.*?```|<!--.*?-->|`[^`]*`|\]\([^)]*\)|\$\$.*?\$\$|\$[^$]*\$", re.DOTALL)


class Given:
    """A number of a setting or a name, which is not measured: it may be anything."""


GIVEN = Given()


@dataclass(frozen=True)
class Near:
    """A value that the page gives roughly ("some 60"): within a share of itself."""

    value: float
    within: float = 0.1


Value = float | Near | Given


@dataclass(frozen=True)
class Tables:
    """The committed tables of a study."""

    folder: Path

    def __call__(self, name: str, query: str = "") -> pd.DataFrame:
        """Return a table by its name without an ending, or those of its rows that a query selects; none is an error."""
        rows = _read(self.folder, name)
        rows = rows.query(query) if query else rows
        assert len(rows), f"{self.folder.name}/{name}: no row has {query}"
        return rows

    def study(self, name: str) -> "Tables":
        """Return the tables of a study, where this folder is that of all results."""
        return Tables(self.folder / name)

    def value(self, name: str, column: str, query: str) -> float:
        """Return the one value of a column that a query selects."""
        values = self(name, query)[column].unique()
        assert len(values) == 1, f"{self.folder.name}/{name}: {len(values)} values of {column} have {query}"
        return float(values[0])

    def provenance(self) -> dict[str, Any]:
        """Return what the study's ``provenance.json`` says of settings, seconds and versions."""
        return json.loads((self.folder / "provenance.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Claim:
    """A passage of a page, verbatim but for white space, and what its numbers are, in order, from the tables."""

    text: str
    values: Callable[[Tables], Sequence[Value]]


@dataclass(frozen=True)
class Page:
    """A page, or one section of it, the folder of its tables, its claims, and passages whose numbers are names or settings alone."""

    path: str
    folder: str
    claims: Sequence[Claim]
    names: Sequence[str] = field(default=())
    is_whole: bool = True  # whether every number of the page must have a claim
    section: str = ""  # the heading of the one section that is held; none: the whole page

    def text(self) -> str:
        """Return what a reader of the page, or of the section with that heading, sees."""
        text = (ROOT / self.path).read_text(encoding="utf-8")
        if self.section:
            _, heading, text = text.partition(f"\n## {self.section}\n")
            assert heading, f"{self.path} has no section {self.section}"
        return shown(text.partition("\n## ")[0] if self.section else text)

    def tables(self) -> Tables:
        return Tables(ROOT / self.folder)

    def uncovered(self) -> list[str]:
        """Return the numbers of the page, with what stands around them, that no claim and no name holds."""
        text = self.text()
        for passage in (*(claim.text for claim in self.claims), *self.names):
            text = text.replace(shown(passage), " ~ ")
        return [text[max(0, number.start() - 40) : number.end() + 20] for number in NUMBER.finditer(text)]


def shown(text: str) -> str:
    """Return the words that a reader sees, in one line: without blocks and comments, and a mark in the place of code and formulas."""
    return " ".join(NOT_TEXT.sub(" ` ", text).split())


def numbers(text: str) -> list[str]:
    """Return the numbers of a text as they are written."""
    return NUMBER.findall(shown(text))


def agrees(written: str, value: Value) -> bool:
    """Return whether a number as it is written is a value, rounded to as many places."""
    if isinstance(value, Given):
        return True
    plain = float(written.replace("−", "-").replace(",", ""))
    if isinstance(value, Near):
        return abs(plain - value.value) <= value.within * abs(value.value)
    places = len(written.partition(".")[2])
    return abs(plain - value) <= 0.5 * 10.0**-places * (1 + 1e-9)


@cache
def _read(folder: Path, name: str) -> pd.DataFrame:
    path = next(path for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if path.is_file())
    return pd.read_csv(path, low_memory=False)
