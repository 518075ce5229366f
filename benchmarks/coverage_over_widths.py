"""How often the slopes over widths and the widths needed hold the truth: power laws with lognormal noise."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from multirun_analysis.stats.crossings import Crossing, width_within
from multirun_analysis.stats.positive import log_t_of_rows
from multirun_analysis.stats.slopes import slope_over_widths

TRIES = 1000
GRID = np.array([8.0, 32.0, 128.0, 512.0, 2048.0])
DOUBLING = np.array([4.0, 8.0, 16.0, 32.0])
TRUE_WIDTHS = (40.0, 64.0, 110.0)  # between 32 and 128: near one, in the middle, near the other


def slope_rows() -> Iterator[dict[str, Any]]:
    """Yield the coverage of slopes and of local slopes, and how often a true power law is said to fit badly."""
    for spread in (0.2, 0.5, 0.8, 1.5):
        for n in (2, 4, 10):
            rng = np.random.default_rng(0)
            fits = [slope_over_widths(DOUBLING, _values(rng, n, np.sqrt(np.log1p(spread**2)), 1.0, DOUBLING)) for _ in range(TRIES)]
            key = {"effects": f"power law of 4 widths, CV {spread}", "design": "independent pairs", "n": n}
            widths = np.array([fit.high - fit.low for fit in fits])
            held = np.mean([fit.low <= -1 <= fit.high for fit in fits])
            local = np.array([np.abs(np.array(fit.local) + 1) <= fit.local_half for fit in fits])
            yield key | _figures("slope, spread pooled (default)", held, widths)
            yield key | _figures("local slopes", local.mean(), np.array([2 * np.mean(fit.local_half) for fit in fits]))
            yield key | {"interval": "lack of fit, p of at least 0.05", "coverage": float(np.mean([fit.p >= 0.05 for fit in fits]))}


def needed_rows() -> Iterator[dict[str, Any]]:
    """Yield the coverage of the widths needed on a grid of factor 4, and the median ratio of the interval's ends."""
    for exponent in (0.5, 1.0, 2.0):
        for sigma in (0.2, 0.5, 0.8):
            for n in (4, 10):
                rng, held, ratios = np.random.default_rng(0), [], []
                for _ in range(TRIES // 2):
                    low, high, _ = log_t_of_rows(_values(rng, n, sigma, exponent, GRID).T)
                    for width in TRUE_WIDTHS:
                        first, last = (width_within(GRID, end, width**-exponent) for end in (low, high))
                        held.append(_at_least(first)[0] <= width <= _at_least(last)[1])
                        ratios.append(_at_least(last)[1] / max(_at_least(first)[0], GRID[0]))
                key = {"effects": f"power law -{exponent}, log sd {sigma}", "design": "grid of factor 4, independent pairs", "n": n}
                yield key | {
                    "interval": "width needed (default)",
                    "coverage": float(np.mean(held)),
                    "median_width": float(np.median(ratios)),
                }


def _values(rng: np.random.Generator, n: int, sigma: float, exponent: float, widths: np.ndarray) -> np.ndarray:
    """Return n lognormal values at each width, shape (n, w), whose means are a power of it."""
    return rng.lognormal(-(sigma**2) / 2, sigma, (n, len(widths))) * widths**-exponent


def _at_least(crossing: Crossing) -> tuple[float, float]:
    """Return between which widths a crossing lies: a point inside the grid, else all beyond it."""
    inside = crossing.width, crossing.width
    return {"inside": inside, "above": (crossing.width, np.inf), "below": (0.0, crossing.width)}[crossing.side]


def _figures(interval: str, held: Any, widths: np.ndarray) -> dict[str, Any]:
    return {
        "interval": interval, "coverage": float(held), "mean_width": float(widths.mean()), "median_width": float(np.median(widths)),
    }  # fmt: skip
