"""Rendering the page: its parts and the template, with everything that comes from files escaped."""

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from multirun_analysis.common.media import for_html
from multirun_analysis.frames.tidy import value_text
from multirun_analysis.plots.hover import REM_PER_INCH, Taken
from multirun_analysis.plots.marks import attribute

MOST_ROWS = 300  # of a table on the page; the CSV has all
FilteredBy = Sequence[str]  # what something is of, ``matching=weights`` for example: it is hidden where a reader does not want one of these
Filters = Mapping[str, Sequence[str]]
NO_KEYS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, what it is sorted by (None: its text), whether it is the best of its row, and whose value it is."""

    text: str
    sort: str | None = None
    best: bool = False
    filtered_by: FilteredBy = ()


@dataclass(frozen=True)
class Table:
    """A table of a page; one that is `stacked` shows its rows under one another on a phone. Readers filter all of it, or its rows."""

    title: str
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    folded: bool = False
    sortable: bool = True
    stacked: bool = False
    filtered_by: FilteredBy = ()
    rows_filtered_by: Sequence[FilteredBy] = ()
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Picture:
    """A figure of a page: taken apart, or as an element of a PNG."""

    id: str
    title: str
    caption: str
    picture: Taken | Markup
    files: str = ""
    kind: str = field(default="figure", init=False)


@dataclass(frozen=True)
class Text:
    """A paragraph, or (``code``) a line of code."""

    text: str
    kind: str = "text"


@dataclass(frozen=True)
class Lines:
    """A list of sentences."""

    lines: Sequence[str]
    kind: str = field(default="list", init=False)


@dataclass(frozen=True)
class Section:
    """A part of the page that its head links to, folded or not."""

    id: str
    title: str
    parts: Sequence[Table | Picture | Text | Lines]
    folded: bool = True


@dataclass(frozen=True)
class Fact:
    """A number in the head of the page."""

    value: str
    name: str
    bad: bool = False


def page(
    title: str, lead: str, facts: Sequence[Fact], sections: Sequence[Section], refresh: float | None = None, filters: Filters = NO_KEYS
) -> str:
    """Return the page as HTML: one file, with its style and script inside, that fetches nothing from any network.

    A browser loads it again after `refresh` seconds, if they are given. Readers hide what has a value of a key by `filters`, the keys with
    their values.

    A content security policy allows this very script and no other, so that nothing in a record can run even if it were not escaped.
    """
    style, script, template = (files(__package__).joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js", "html.jinja"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_shown)
    environment.filters["attribute"] = attribute
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.from_string(template).render(
        title=title, lead=lead, facts=facts, sections=[section for section in sections if section.parts], filters=filters,
        style=Markup(style), script=Markup(script), script_hash=digest, refresh=refresh if refresh is None else math.ceil(refresh),
    )  # fmt: skip


def _shown(value: Any) -> Any:
    """Return what a template writes: text with all its letters visible; what is markup already as it is."""
    return for_html(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def png_picture(data: bytes, text: str, inches: float) -> Markup:
    """Return a PNG of a width as an element of the page."""
    element = Markup('<img alt="{}" style="max-width: {:.0f}rem" src="data:image/png;base64,{}">')
    return element.format(for_html(text), inches * REM_PER_INCH, base64.b64encode(data).decode())


def frame_table(
    title: str,
    caption: str,
    frame: pd.DataFrame,
    *,
    folded: bool = True,
    most: int = MOST_ROWS,
    keys: Mapping[str, str] = NO_KEYS,
    filtered_by: FilteredBy = (),
) -> Table:
    """Return a frame as a table, numbers in four figures; constant columns stand in the caption, rows beyond `most` are left out.

    Readers filter its rows by the columns that are in `keys`, which has the key of each: ``method`` and ``other`` are both of ``matching``.
    """
    constant = [name for name in frame.columns if len(frame) > 1 and frame[name].map(repr).nunique() == 1]
    shared = ", ".join(f"{name} = {text(frame[name].iloc[0])}" for name in constant)
    caption += f" In all rows: {shared}." if shared else ""
    caption += f" The first {most} of {len(frame)} rows; the CSV has all." if len(frame) > most else ""
    shown = frame.drop(columns=constant).head(most)
    rows = [[cell(value) for value in row] for row in shown.itertuples(index=False, name=None)]
    columns = [name for name in frame.columns if name in keys]
    plain = frame[columns].head(most).itertuples(index=False, name=None) if columns else ()
    by_row = [[f"{keys[name]}={value_text(value)}" for name, value in zip(columns, row, strict=True)] for row in plain]
    return Table(title, caption.strip(), list(shown.columns), rows, folded, filtered_by=filtered_by, rows_filtered_by=by_row)


def cell(value: Any) -> Cell:
    """Return a value as a cell, sorted by its full precision."""
    missing = value is None or (isinstance(value, float) and pd.isna(value))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(text(value), "" if missing else repr(float(value)) if number else None)


def text(value: Any) -> str:
    """Return a value as it is read: numbers in four figures, what is missing as nothing."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
