"""The cells of a table, and how many of them figures show."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

Key = tuple[object, ...]
MOST_ROWS, LEAST_ROWS = 8, 4  # of panels in a figure, and in the one that has the fewest; the tables have all
MOST_COLUMNS = 4  # of wide panels
MOST_CELLS, SAMPLE = 32, 2  # of more cells than that nobody looks through a figure each: so many are shown, as a sample


def fixed_keys(table: pd.DataFrame, *used: str) -> list[str]:
    """Return the keys of a table's cells: the columns before its method, the method, the repair where there are several, and the width.

    Those that a figure uses are left out.
    """
    repairs = ["repair"] if table["repair"].nunique() > 1 else []
    keys = [*table.columns[: list(table.columns).index("matching")], "matching", *repairs, "width"]
    return [key for key in keys if key not in used]


def cells(frame: pd.DataFrame, keys: Sequence[str]) -> dict[Key, pd.DataFrame]:
    """Return the part of a frame for each set of the keys, in the order of the frame."""
    return dict(iter(frame.groupby(list(keys), sort=False))) if len(frame) else {}


def left_out(shown: int, total: int, names: str, *, evenly: bool = False, ends: bool = False) -> str:
    """Return what a figure says where it shows some of what is there, such as ``rows: the first 4 of 7``; nothing where it shows all."""
    if shown >= total:
        return ""
    if ends:
        return f"{names}: {shown} of {total}, the first, the middle one and the last"
    return f"{names}: {shown} of {total}, evenly chosen" if evenly else f"{names}: the first {shown} of {total}"


def few_of(values: Sequence[Any]) -> list[Any]:
    """Return the values that a figure with a wide panel for each shows: all of a few, else the first, the middle one and the last."""
    return list(values) if len(values) <= MOST_COLUMNS else [values[0], values[len(values) // 2], values[-1]]


def shown_cells(parts: Mapping[Key, pd.DataFrame], most: int = MOST_ROWS) -> list[tuple[Key, pd.DataFrame]]:
    """Return the first cells, as many as a figure has rows: at most `most`, and of very many a sample."""
    return list(parts.items())[: most if len(parts) <= MOST_CELLS else SAMPLE]
