"""Numbers as people read them: four decimals where they say enough, two figures of what is smaller, and zero only for zero."""

import math
from collections.abc import Iterable

FEWEST, MOST = 4, 6  # decimals; what needs more is written as a power of ten
LARGE = 1e6  # from here on too


def decimals(values: Iterable[float]) -> int:
    """Return in how many decimals the numbers of a column are written, so that those which can in `MOST` have two figures."""
    return max((needed for value in values if (needed := _needed(value)) <= MOST), default=FEWEST)


def number(value: float, places: int = FEWEST) -> str:
    """Return a number in so many decimals; ``0`` if it is zero, and as a power of ten if it is too small or too large for them.

    Parameters
    ----------
    value : float
    places : int
        As `decimals` returns it of the number's column.
    """
    if math.isnan(value):
        return "-"
    if value == 0:
        return "0"
    if _needed(value) > places:
        return f"{value:.1e}"
    return f"{value:.{places}f}" if abs(value) < LARGE else f"{value:.3e}"


def _needed(value: float) -> int:
    """Return how many decimals show two figures of a value, `FEWEST` at least."""
    if value == 0 or not math.isfinite(value):
        return FEWEST
    return max(FEWEST, 1 - int(f"{value:.1e}".partition("e")[2]))
