"""What stands in bold in the main table: values that no paired difference decides to be worse than the lowest mean of their row."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

PAIRED = {"matching": ("method_differences", "method"), "repair": ("repair_differences", "repair")}  # other keys have other networks
MEANING = (
    "Bold: not decided to be worse than the lowest mean of the row, by differences over the same pairs with Holm's correction for their "
    "number; nothing where no difference from it is decided."
)
Decided = frozenset[tuple[Any, Any]]  # the better one of two values of a key, and the worse one


def decided_differences(
    frames: Mapping[str, pd.DataFrame], hue: str, keys: Sequence[str], metric: str, split: str
) -> dict[tuple[Any, ...], Decided]:
    """Return which values of a key are better than which, for every row of the main table in which any two are told apart.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        ``method_differences`` and ``repair_differences``, as far as there are any.
    hue : str
        The key whose values are compared. Of others than methods and repairs no two values are measured on the same pairs.
    keys : sequence of str
        The keys of a row, in the order in which the result has them.
    metric, split : str

    Returns
    -------
    dict
        From the keys' values to pairs (better, worse), by ``better_holm``.
    """
    name, first = PAIRED.get(hue, ("", ""))
    if name not in frames:
        return {}
    rows = frames[name]
    rows = rows[(rows["split"] == split) & (rows["metric"] == metric) & (rows["better_holm"] != "undecided")]
    decided: dict[tuple[Any, ...], set[tuple[Any, Any]]] = {}
    for *row, one, other, better in zip(*(rows[column] for column in (*keys, first, "other", "better_holm")), strict=True):
        decided.setdefault(tuple(row), set()).add((better, other if better == one else one))
    return {row: frozenset(pairs) for row, pairs in decided.items()}


def not_worse(means: Mapping[Any, float], decided: Collection[tuple[Any, Any]]) -> frozenset[Any]:
    """Return the values of a key that are not decided to be worse than that of the lowest mean; none where no other one is.

    Parameters
    ----------
    means : mapping
        The mean of every value of the key; NaN where nothing was measured.
    decided : collection of tuple
        Pairs (better, worse), as `decided_differences` has them.
    """
    measured = {value: mean for value, mean in means.items() if not math.isnan(mean)}
    least = min(measured.values(), default=math.nan)
    worse = {other for better, other in decided if measured.get(better) == least}
    return frozenset(value for value in measured if value not in worse) if worse else frozenset()
