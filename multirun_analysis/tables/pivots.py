"""The barrier-versus-width table as people read it: a row per width, a column per method, for a terminal, in Markdown or in LaTeX."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from multirun_analysis.checks import InputError, nearest
from multirun_analysis.common.digits import FEWEST, decimals, number
from multirun_analysis.common.media import for_latex, for_markdown, for_terminal, terminal_columns
from multirun_analysis.frames.tidy import cell_title, ordered, ordered_values, value_text
from multirun_analysis.stats.endpoints import endpoints
from multirun_analysis.tables.barrier_vs_width import with_two_way
from multirun_analysis.tables.not_worse import MEANING, Decided, decided_differences, not_worse

PAIRS, ENDS = "pairs", "error at ends"
SHOWN = ["n_pairs", "n_expected", "mean", "ci_low", "ci_high"]
MIDDLE = 1e-9  # of half an interval: so far the mean may be from its middle
MOST_FLOATS = 16
LABEL = "tab:barrier_vs_width"  # in a LaTeX document
ROUNDING = 1e-12  # of a mean; half an interval below it is what rounding leaves of equal values


@dataclass(frozen=True)
class Value:
    """A mean with half its interval (NaN where it has none), whether it is `not_worse` in its row, and the decimals of its column.

    An interval whose middle is not the mean has its ends too, and is read from them.
    """

    mean: float
    half: float
    best: bool = False
    places: int = FEWEST
    ends: tuple[float, float] | None = None

    def text(self, plus_minus: str) -> str:
        """Return the value as it is read: ``mean ± half``, or ``mean [low, high]``."""
        mean = number(self.mean, self.places)
        if math.isnan(self.mean) or math.isnan(self.half):
            return mean
        if self.ends is None:
            return f"{mean} {plus_minus} {number(self.half, self.places)}"
        low, high = (number(end, self.places) for end in self.ends)
        return f"{mean} [{low}, {high}]"


@dataclass(frozen=True)
class Block:
    """The part of a pivot with one set of the other keys; a row has its key, n found of n expected, end-point error, and values."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, str, str, tuple[Value, ...]], ...]
    values: Mapping[str, str] = field(default_factory=dict)  # of the other keys, as text


def pivot(
    table: pd.DataFrame,
    runs: pd.DataFrame,
    metric: str = "loss_barrier",
    split: str = "test",
    x: str = "width",
    hue: str = "matching",
    *,
    differences: Mapping[str, pd.DataFrame] | None = None,
) -> list[Block]:
    """Return a metric as blocks of rows `x` and columns `hue`, one block for each set of the other keys.

    Every row has the networks' own mean error, each network counted once, so that an untrained cell is seen. An interval is that over
    pairs and test examples where the table has one, else that over pairs.

    Parameters
    ----------
    table : DataFrame
        As `barrier_vs_width` returns it.
    runs : DataFrame
        The runs that it was made of, as `load_runs` returns them.
    metric, split : str
    x, hue : str
        Keys of the table: the width, the method, or any that varies.
    differences : mapping of str to DataFrame, optional
        ``method_differences`` and ``repair_differences`` of the runs: what `not_worse` goes by. Without them no value is.

    Raises
    ------
    InputError
        If `x` or `hue` is no key of the table.
    """
    keys = [*table.columns[: list(table.columns).index("split")], "width"]
    keys = [key for key in keys if key != "repair" or table["repair"].nunique() > 1 or "repair" in (x, hue)]
    for option, key in (("--x", x), ("--hue", hue)):
        if key not in keys:
            raise InputError(f"`{option}` must be one of {', '.join(keys)}, got {key!r}.{nearest(key, keys)}")
    if x == hue:
        raise InputError(f"`--x` and `--hue` must be two keys, got {x!r} for both.")
    shown = with_two_way(table[(table["split"] == split) & (table["metric"] == metric)].reset_index(drop=True))
    others = [key for key in keys if key not in (x, hue)]
    columns = ordered_values(shown, hue)
    places = ordered(shown[x])
    rows = shown[[x, hue, *SHOWN]].to_dict("records")
    errors = _errors(runs[(runs["status"] == "ok") & (runs["split"] == split)], [*others, x])
    decided = decided_differences(differences or {}, hue, [*others, x], metric, split)
    blocks = []
    for cell, block in shown.groupby(others, sort=False, dropna=False)[["metric"]]:
        at = {value: errors.get((*cell, value), math.nan) for value in places}
        decided_at = {value: decided.get((*cell, value), frozenset()) for value in places}
        made = _block(cell_title(others, cell), [rows[k] for k in block.index], at, decided_at, (x, hue), columns)
        blocks.append(replace(made, values={key: value_text(value) for key, value in zip(others, cell, strict=True)}))
    return blocks


def _errors(runs: pd.DataFrame, keys: list[str]) -> dict[tuple[Any, ...], float]:
    """Return the mean error over the networks of every row of a pivot, whatever pairs and columns they are in."""
    return dict(endpoints(runs, keys).groupby(keys, sort=False)["error"].mean()) if len(runs) else {}


def _block(
    title: str,
    block: list[dict[Any, Any]],
    errors: Mapping[Any, float],
    decided: Mapping[Any, Decided],
    keys: tuple[str, str],
    columns: list[Any],
) -> Block:
    """Return a block of rows, in plain lists: there may be thousands of blocks, and pandas takes a millisecond for each step.

    The rows are those of `errors`, in its order, as far as the block has them, and so are the columns.
    """
    x, hue = keys
    at: dict[Any, dict[Any, dict[Any, Any]]] = {value: {} for value in errors}
    for row in block:
        at[row[x]][row[hue]] = row
    at = {value: row for value, row in at.items() if row}
    kinds = {kind for row in at.values() for kind in row}
    columns = [column for column in columns if column in kinds]
    best = [not_worse({kind: cell["mean"] for kind, cell in row.items()}, decided[value]) for value, row in at.items()]
    values = [_column([row.get(column) for row in at.values()], [column in row for row in best]) for column in columns]
    ends = decimals(errors[value] for value in at)
    rows = []
    for k, (value, row) in enumerate(at.items()):
        counts = sorted({f"{cell['n_pairs']}/{cell['n_expected']}" for cell in row.values()})
        rows.append((value_text(value), ", ".join(counts), number(errors[value], ends), tuple(column[k] for column in values)))
    return Block(title, (x, PAIRS, ENDS, *map(value_text, columns)), tuple(rows))


def _column(rows: Sequence[Mapping[Any, Any] | None], best: Sequence[bool]) -> list[Value]:
    """Return the values of a column in the decimals that they have in common; `best` says which are not worse than others of their row."""
    means, lows, highs = ([math.nan if row is None else row[name] for row in rows] for name in ("mean", "ci_low", "ci_high"))
    halves = [(high - low) / 2 for low, high in zip(lows, highs, strict=True)]
    halves = [0.0 if half < ROUNDING * abs(mean) else half for mean, half in zip(means, halves, strict=True)]
    ends = [_ends(mean, half, low, high) for mean, half, low, high in zip(means, halves, lows, highs, strict=True)]
    places = decimals(
        [*means, *(half for half, end in zip(halves, ends, strict=True) if end is None), *(low for low, _ in filter(None, ends))]
    )
    return [Value(mean, half, is_best, places, end) for mean, half, is_best, end in zip(means, halves, best, ends, strict=True)]


def _ends(mean: float, half: float, low: float, high: float) -> tuple[float, float] | None:
    """Return the ends of an interval, None where its middle is the mean, as far as rounding tells."""
    return None if math.isnan(half) or half == 0 or abs(low + half - mean) <= MIDDLE * half else (low, high)


def has_bold(blocks: Iterable[Block]) -> bool:
    """Return whether any value of some blocks is in bold, so that a line must say what that means."""
    return any(value.best for block in blocks for *_, values in block.rows for value in values)


def pivot_text(blocks: Sequence[Block]) -> str:
    """Return the blocks of a pivot as plain text."""
    texts = []
    for block in blocks:
        rows = [block.header, *((key, pairs, end, *(value.text("±") for value in values)) for key, pairs, end, values in block.rows)]
        shown = [list(map(for_terminal, row)) for row in rows]
        sizes = [max(map(terminal_columns, column)) for column in zip(*shown, strict=True)]
        lines = ["  ".join(" " * (size - terminal_columns(text)) + text for text, size in zip(row, sizes, strict=True)) for row in shown]
        texts.append("\n".join([for_terminal(block.title), *lines]))
    return "\n\n".join(texts)


def pivot_markdown(blocks: Sequence[Block], measure: str = "test loss barrier") -> str:
    """Return the blocks of a pivot, whose values are of a measure, as a Markdown table each, and a line on what is in bold."""
    texts = []
    for block in blocks:
        lines = [_markdown_row(map(for_markdown, block.header)), _markdown_row(["---:"] * len(block.header))]
        for key, pairs, end, values in block.rows:
            cells = [f"**{value.text('±')}**" if value.best else value.text("±") for value in values]
            lines.append(_markdown_row([for_markdown(key), pairs, end, *cells]))
        texts.append("\n".join([f"{for_markdown(block.title)}: {measure}", "", *lines, ""]))
    texts += [f"{MEANING}\n"] if has_bold(blocks) else []
    return "\n".join(texts)


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def pivot_latex(blocks: Sequence[Block], measure: str = "test loss barrier") -> str:
    r"""Return the blocks of a pivot as a LaTeX ``table`` each, with a caption and a label, for ``\usepackage{booktabs}``."""
    texts, meaning = [], f" {MEANING}" if has_bold(blocks) else ""
    for position, block in enumerate(blocks, start=1):
        lines = [rf"\begin{{tabular}}{{{'r' * len(block.header)}}}", r"\toprule", _latex_row(map(for_latex, block.header)), r"\midrule"]
        for key, pairs, end, values in block.rows:
            shown = [value.text(r"$\pm$") for value in values]
            cells = [rf"\textbf{{{text}}}" if value.best else text for value, text in zip(values, shown, strict=True)]
            lines.append(_latex_row([for_latex(key), pairs, end, *cells]))
        caption = for_latex(f"{measure[:1].upper()}{measure[1:]}; {block.title}.{meaning}")
        label = LABEL if len(blocks) == 1 else f"{LABEL}_{position}"
        head = [r"\begin{table}", r"\centering", rf"\caption{{{caption}}}", rf"\label{{{label}}}"]
        room = [r"\clearpage"] if position % MOST_FLOATS == 0 else []  # LaTeX does not keep more of them waiting
        texts.append("\n".join([*head, *lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", *room, ""]))
    return "\n".join(texts)


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
