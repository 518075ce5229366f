"""Reading a CSV of an analysis back: its words as they were before they were written, its numbers to the last bit."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multirun_analysis.checks import MOST_BYTES, InputError, read_file
from multirun_analysis.common.media import FORMULA

CHUNK = 20_000  # rows of words that are held at once
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?|-?inf", re.ASCII)
_QUOTED = re.compile(rf"'(?={FORMULA.pattern})")  # the apostrophe of `for_csv`


def number_of(word: str) -> float:
    """Return the number that a word is, NaN for none; `pandas.to_numeric` may end the process, of ``8250e2414376239c``.

    Raises
    ------
    ValueError
        If it is none.
    """
    if word and _NUMBER.fullmatch(word) is None:
        raise ValueError(f"{word[:40]!r} stands where a number should")
    return float(word) if word else np.nan


def table_file(folder: Path, name: str) -> Path | None:
    """Return the file of a table in a folder, plain or compressed, or None if there is neither.

    Raises
    ------
    InputError
        If there are both, which may differ.
    """
    files = [path for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if path.is_file()]
    if len(files) > 1:
        raise InputError(f"{str(folder)!r} holds both {files[0].name} and {files[1].name}; remove the one that does not count.")
    return files[0] if files else None


def read_words(path: Path, numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Return the table of a file as `multirun_analysis` writes it.

    Parameters
    ----------
    path : Path
        A CSV in UTF-8, or its gzip.
    numbers : sequence of str
        The columns that hold numbers, or nothing.

    Returns
    -------
    DataFrame
        Columns of numbers as float64, with NaN where there is none; all others as text, without the apostrophes that keep spreadsheets from
        computing.

    Raises
    ------
    InputError
        If it cannot be read, two columns have one name, a row is shorter or longer than the header, or a word stands where a number should.
    """
    rows = _rows(path)
    header = next(rows, [])
    if repeated := {name for name in header if header.count(name) > 1}:
        raise InputError(f"{str(path)!r} must name each column once, and has `{min(repeated)}` several times.")
    columns: dict[str, list[Any]] = {name: [] for name in header}
    same: dict[str, str] = {}  # every word once: most stand in many rows
    for first, chunk in _chunks(path, rows, len(header)):
        for name, words in zip(header, zip(*chunk, strict=True), strict=True):
            columns[name] += _numbers(path, name, words, first) if name in numbers else [same.setdefault(word, word) for word in words]
    words_or_numbers = {name: pd.Series(values, dtype=float if name in numbers else object) for name, values in columns.items()}
    return pd.DataFrame({name: column if name in numbers else _without_apostrophes(column) for name, column in words_or_numbers.items()})


def _rows(path: Path) -> Iterator[list[str]]:
    """Yield the rows of a file, its header first; what cannot be read is an `InputError`."""
    try:
        yield from csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{str(path)!r} must be a CSV of an analysis, in UTF-8, and cannot be read: {error}.") from error


def _chunks(path: Path, rows: Iterator[list[str]], width: int) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield some rows after the others, all of them of one width, with the number of the first, counted from 1."""
    first = 1
    while chunk := list(islice(rows, CHUNK)):
        for count, row in enumerate(chunk, start=first):
            if len(row) != width:
                raise InputError(f"every row of {str(path)!r} must have the {width} fields of its header; row {count} has {len(row)}.")
        yield first, chunk
        first += len(chunk)


def _text(path: Path) -> str:
    contents = read_file(path)
    if path.suffix == ".gz":
        with gzip.GzipFile(fileobj=io.BytesIO(contents)) as stream:
            contents = stream.read(MOST_BYTES + 1)
        if len(contents) > MOST_BYTES:
            raise OSError(f"it unpacks to more than {MOST_BYTES:,} bytes, which are all that is read")
    return contents.decode()


def _numbers(path: Path, name: str, words: Sequence[str], first: int) -> list[float]:
    values = []
    for count, word in enumerate(words, start=first):
        try:
            values.append(number_of(word))
        except ValueError as error:
            raise InputError(f"`{name}` in {str(path)!r} must hold numbers, or nothing; in row {count} {error}.") from error
    return values


def _without_apostrophes(column: pd.Series) -> pd.Series:
    words = {word: _QUOTED.sub("", word, count=1) if word.startswith("'") else word for word in column.unique()}
    return column.map(words)
