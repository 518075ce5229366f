"""The text of ``curves.csv``: what pandas would write, without a frame that has a row for every point of every curve."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from multirun_analysis import schema
from multirun_analysis.packed import CURVES
from multirun_analysis.tidy import Sweep, columns_of, table_of

FLOATS = "%.10g"  # in every CSV


def write_curves(sweep: Sweep, path: Path) -> None:
    """Write the curves of a sweep as CSV, the bytes that ``curves_frame(sweep)`` would have."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(_curves_text(sweep))


def _curves_text(sweep: Sweep) -> Iterator[str]:
    """Yield the header, then the lines of one curve after the other."""
    table, columns = table_of(sweep, CURVES), columns_of(sweep, schema.CURVES_TAIL)
    yield from _lines([columns])
    keys = table.keys[[name for name in columns if name not in CURVES.numbers]]  # in front of the numbers
    starts = _lines(zip(*(column.where(column.notna(), "").tolist() for _, column in keys.items()), strict=True))
    t, values = table.numbers["t"].to_numpy(), table.numbers[["loss", "error"]].to_numpy()  # (points,), (points, 2)
    templates: dict[bytes, str] = {}  # most curves are walked at the same t
    ends = np.cumsum(table.lengths).tolist()
    for line, start, end in zip(starts, [0, *ends], ends, strict=False):
        if start == end:
            continue
        key = t[start:end].tobytes()
        template = templates[key] if key in templates else templates.setdefault(key, _template(t[start:end]))
        text = template % tuple(values[start:end].ravel().tolist())
        text = text.replace("nan", "") if np.isnan(values[start:end]).any() else text
        keys_text = line[:-1] + ","
        yield keys_text + text.replace("\n", "\n" + keys_text) + "\n"


def _template(t: np.ndarray) -> str:
    return "\n".join(f"{'' if np.isnan(at) else FLOATS % at},{FLOATS},{FLOATS}" for at in t)


def _lines(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return rows as lines of a CSV, quoted where they must be, as pandas has them."""
    lines: list[str] = []
    csv.writer(SimpleNamespace(write=lines.append), lineterminator="\n").writerows(rows)
    return lines
