"""What the page says of a figure's marks: their tips on hover, and the values of keys by which readers filter panels and marks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from multirun_analysis.common.media import visible
from multirun_analysis.frames.tidy import ABSENT, value_text
from multirun_analysis.schema import PAIR

Values = Mapping[str, str]  # of keys, as text
Tip = tuple[Values, str]  # the values of keys that this one mark has, and what else is said of it
TIPS, VALUES, ROW_TITLE = "page_tips", "page_values", "page_row_title"  # attributes of artists
BETWEEN = "|"  # such words, in an attribute of the page
MOST_SEEDS = 8  # that are named one by one


def values_of(keys: Sequence[str], values: Iterable[object]) -> dict[str, str]:
    """Return keys with their values as text; absent values are left out."""
    return {key: value_text(value) for key, value in zip(keys, values, strict=True) if value != ABSENT}


def filtered_by(values: Values) -> list[str]:
    """Return by what something is filtered that has these values of keys: ``matching=weights`` for example."""
    return [f"{key}={value}" for key, value in values.items()]


def attribute(words: Iterable[str]) -> str:
    """Return by what something is filtered as an attribute of the page."""
    return BETWEEN.join(visible(word).replace(BETWEEN, "¦") for word in words)


def mark(artist: Artist, tips: Sequence[Tip], positions: Any = None, **values: str) -> None:
    """Let the page say these things of the marks of an artist, one of each in the order in which they are drawn.

    Parameters
    ----------
    artist : Artist
        A line, whose marks are its markers, or the whole of it where it has none; or a collection.
    tips : sequence of tuple
        Of each mark: the values of keys in which the artist's marks differ, and the lines under the names of its keys.
    positions : array_like, optional
        Of the marks; those with a position that is not finite are not drawn, and have no tip.
    **values : str
        Of the keys that all marks of the artist share, the method for example.
    """
    drawn = np.isfinite(np.asarray(positions, dtype=float)) if positions is not None else [True] * len(tips)
    vars(artist)[TIPS] = [tip for tip, is_drawn in zip(tips, drawn, strict=True) if is_drawn]
    vars(artist)[VALUES] = values


def mark_panel(ax: Axes, keys: Sequence[str], values: Iterable[object]) -> None:
    """Say of which cell a panel is: on the page it stands under the keys that differ, and is hidden by filters."""
    vars(ax)[VALUES] = vars(ax).get(VALUES, {}) | values_of(keys, values)


def seeds_text(rows: pd.DataFrame) -> str:
    """Return the seeds of the pairs of some rows: ``seed 3`` or ``seeds 0, 1, 2``; of many the first and the last."""
    seeds = sorted(set(rows["seed"])) if "seed" in rows else []
    if len(seeds) < 2:
        return "".join(f"seed {seed}" for seed in seeds)
    return f"seeds {', '.join(map(str, seeds))}" if len(seeds) <= MOST_SEEDS else f"{len(seeds)} seeds, {seeds[0]} to {seeds[-1]}"


def estimate_text(
    row: Mapping[Any, Any], measure: str, pairs: pd.DataFrame | None = None, names: Sequence[str] = ("mean", "ci_low", "ci_high")
) -> str:
    """Return an estimate with its interval, the kind of it, and the pairs that it is of.

    Parameters
    ----------
    row : mapping
        Of a table: the estimate and the ends of its interval under `names`, ``interval`` and, if known, ``n_pairs``.
    measure : str
        What is estimated.
    pairs : DataFrame, optional
        Rows of ``runs.csv`` of these pairs, for their seeds.
    names : sequence of str
    """
    value, low, high = (float(row.get(name, np.nan)) for name in names)
    has_interval = np.isfinite([low, high]).all()
    kind = row.get("interval", "")
    lines = [f"{measure}: {value:.4g}" + (f" [{low:.4g}, {high:.4g}]" if has_interval else ", no interval")]
    lines += [f"interval: {kind}"] if has_interval and kind else []
    counted = [f"{count} {'pair' if count == 1 else 'pairs'}" for count in (int(row["n_pairs"]),)] if "n_pairs" in row else []
    seeds = [seeds_text(pairs)] if pairs is not None and len(pairs) else []
    return "\n".join([*lines, *([", ".join([*counted, *seeds])] if counted or seeds else [])])


def pair_text(row: Mapping[Any, Any], measure: str, value: Any, estimate: str = "") -> str:
    """Return the value of one pair with its seed and networks, and the mean that it is in, the first line of an `estimate_text`."""
    networks = " and ".join(str(row[name])[:8] for name in PAIR)
    first_line, *_ = estimate.split("\n")
    mean = f"\nmean of {first_line}" if estimate else ""
    return f"seed {row['seed']}, networks {networks}\n{measure}: {float(value):.4g}{mean}"
