"""The barrier-versus-width table as people read it: a row per width, a column per method, for a terminal, in Markdown or in LaTeX."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from multirun_analysis.checks import InputError, nearest
from multirun_analysis.tidy import cell_title, ordered, ordered_values, value_text

PAIRS, ENDS = "pairs", "error at ends"
SHOWN = ["metric", "n_pairs", "n_expected", "mean", "ci_low", "ci_high"]
LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


@dataclass(frozen=True)
class Value:
    """A mean with half its interval (NaN where it has none), and whether no other column's mean in its row is lower."""

    mean: float
    half: float
    best: bool

    def text(self, plus_minus: str) -> str:
        """Return the value in four decimals."""
        if pd.isna(self.mean):
            return "-"
        return f"{self.mean:.4f}" + ("" if pd.isna(self.half) else f" {plus_minus} {self.half:.4f}")


@dataclass(frozen=True)
class Block:
    """The part of a pivot with one set of the other keys; a row has its key, n found of n expected, end-point error, and values."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, str, str, tuple[Value, ...]], ...]


def pivot(table: pd.DataFrame, metric: str = "loss_barrier", split: str = "test", x: str = "width", hue: str = "matching") -> list[Block]:
    """Return a metric as blocks of rows `x` and columns `hue`, one block for each set of the other keys.

    Every row has the networks' own mean error, so that an untrained cell is seen.

    Parameters
    ----------
    table : DataFrame
        As `barrier_vs_width` returns it.
    metric, split : str
    x, hue : str
        Keys of the table: the width, the method, or any that varies.

    Raises
    ------
    InputError
        If `x` or `hue` is no key of the table.
    """
    keys = [*table.columns[: list(table.columns).index("split")], "width"]
    for option, key in (("--x", x), ("--hue", hue)):
        if key not in keys:
            raise InputError(f"`{option}` must be one of {', '.join(keys)}, got {key!r}.{nearest(key, keys)}")
    if x == hue:
        raise InputError(f"`--x` and `--hue` must be two keys, got {x!r} for both.")
    shown = table[(table["split"] == split) & table["metric"].isin((metric, "error_endpoint"))].reset_index(drop=True)
    others = [key for key in keys if key not in (x, hue)]
    places, columns = ordered(shown[x]), ordered_values(shown, hue)
    rows = shown[[x, hue, *SHOWN]].to_dict("records")
    blocks = [(key, [rows[k] for k in block.index]) for key, block in shown.groupby(others, sort=False)[["metric"]]]
    return [_block(cell_title(others, key), block, metric, (x, places), (hue, columns)) for key, block in blocks]


def _block(title: str, block: list[dict[Any, Any]], metric: str, x_order: tuple[str, list[Any]], hue_order: tuple[str, list[Any]]) -> Block:
    """Return a block of rows, in plain lists: there may be thousands of blocks, and pandas takes a millisecond for each step."""
    (x, places), (hue, columns) = x_order, hue_order
    at: dict[Any, list[dict[Any, Any]]] = {key: [] for key in places}
    ends: dict[Any, list[float]] = {key: [] for key in places}
    for row in block:
        if row["metric"] == metric:
            at[row[x]].append(row)
        if row["metric"] == "error_endpoint" and not math.isnan(row["mean"]):
            ends[row[x]].append(row["mean"])
    kinds = {row[hue] for found in at.values() for row in found}
    columns = [column for column in columns if column in kinds]
    rows = []
    for key, found in at.items():
        if not found:
            continue
        counts = sorted({f"{row['n_pairs']}/{row['n_expected']}" for row in found})
        end = f"{np.mean(ends[key]):.4f}" if ends[key] else "-"
        rows.append((value_text(key), ", ".join(counts), end, _values(found, hue, columns)))
    return Block(title, (x, PAIRS, ENDS, *map(value_text, columns)), tuple(rows))


def _values(rows: list[dict[Any, Any]], hue: str, columns: list[Any]) -> tuple[Value, ...]:
    found = {row[hue]: row for row in rows}
    least = min((row["mean"] for row in rows if not math.isnan(row["mean"])), default=math.nan)
    values = []
    for column in columns:
        row = found.get(column)
        mean, low, high = (math.nan,) * 3 if row is None else (row["mean"], row["ci_low"], row["ci_high"])
        values.append(Value(mean, (high - low) / 2, bool(mean == least)))
    return tuple(values)


def pivot_text(blocks: Sequence[Block]) -> str:
    """Return the blocks of a pivot as plain text."""
    texts = []
    for block in blocks:
        rows = [block.header, *((key, pairs, end, *(value.text("±") for value in values)) for key, pairs, end, values in block.rows)]
        widths = [max(len(row[k]) for row in rows) for k in range(len(block.header))]
        lines = ["  ".join(text.rjust(size) for text, size in zip(row, widths, strict=True)) for row in rows]
        texts.append("\n".join([block.title, *lines]))
    return "\n\n".join(texts)


def pivot_markdown(blocks: Sequence[Block], measure: str = "test loss barrier") -> str:
    """Return the blocks of a pivot, whose values are of a measure, as a Markdown table each, the lowest mean of a row in bold."""
    texts = []
    for block in blocks:
        lines = [_markdown_row(map(_markdown, block.header)), _markdown_row(["---:"] * len(block.header))]
        for key, pairs, end, values in block.rows:
            cells = [f"**{value.text('±')}**" if value.best else value.text("±") for value in values]
            lines.append(_markdown_row([_markdown(key), pairs, end, *cells]))
        texts.append("\n".join([f"{_markdown(block.title)}: {measure}", "", *lines, ""]))
    return "\n".join(texts)


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown(text: str) -> str:
    """Return text in which nothing is taken for Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|&~])", r"\\\1", " ".join(text.split()))


def pivot_latex(blocks: Sequence[Block], measure: str = "test loss barrier") -> str:
    r"""Return the blocks of a pivot as a LaTeX ``tabular`` each, for ``\usepackage{booktabs}``, the lowest mean of a row in bold."""
    texts = []
    for block in blocks:
        lines = [rf"\begin{{tabular}}{{{'r' * len(block.header)}}}", r"\toprule", _latex_row(map(_latex, block.header)), r"\midrule"]
        for key, pairs, end, values in block.rows:
            shown = [value.text(r"$\pm$") for value in values]
            cells = [rf"\textbf{{{text}}}" if value.best else text for value, text in zip(values, shown, strict=True)]
            lines.append(_latex_row([_latex(key), pairs, end, *cells]))
        texts.append("\n".join([f"% {' '.join(block.title.split())}: {measure}", *lines, r"\bottomrule", r"\end{tabular}", ""]))
    return "\n".join(texts)


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in text)
