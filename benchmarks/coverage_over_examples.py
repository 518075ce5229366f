"""How often intervals over pairs, and over pairs and test examples, hold the mean over all pairs and examples that there could be."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from multirun_analysis.schema import MOST_BLOCKS
from multirun_analysis.stats.positive import log_t_of_rows
from multirun_analysis.stats.shared_examples import half_width, shared_examples

TRIES = 4000
LOG_SD = 0.5  # of the pairs' barriers
OF_EXAMPLES = 4.0  # standard deviation of what an example exceeds in all pairs, in terms of the mean barrier (losses of digits: 1 to 4)
OF_BOTH = 4.0  # and of what it exceeds in one pair alone


def two_way_rows() -> Iterator[dict[str, Any]]:
    """Yield the coverage of both intervals, for a barrier and for a signed measure, with the test sets of digits and MNIST."""
    for examples in (360, 10_000):
        for n in (4, 10):
            rng, size = np.random.default_rng(0), np.sqrt(examples / MOST_BLOCKS)
            items = np.full((TRIES, MOST_BLOCKS), examples / MOST_BLOCKS)
            noise = OF_EXAMPLES * rng.normal(size=(TRIES, 1, MOST_BLOCKS)) + OF_BOTH * rng.normal(size=(TRIES, n, MOST_BLOCKS))
            barriers = rng.lognormal(-(LOG_SD**2) / 2, LOG_SD, (TRIES, n, 1)) * (1 + noise / size)
            signed = LOG_SD * rng.normal(size=(TRIES, n, 1)) + noise / size
            key = {"design": f"independent pairs, {examples:,} test examples", "n": n}
            for over in ("pairs", "pairs and test examples (default)"):
                both = [shared_examples(blocks, items) if "examples" in over else None for blocks in (barriers, signed)]
                low, high, _ = log_t_of_rows(barriers.mean(axis=2), examples=both[0])
                yield {"effects": f"barrier, log sd {LOG_SD}", **key, "interval": f"log-scale t over {over}"} | _figures(low, high, 1.0)
                mean, error = signed.mean(axis=(1, 2)), signed.mean(axis=2).std(axis=1, ddof=1) / np.sqrt(n)
                half = half_width(error, n - 1, 0.95, both[1])
                yield {"effects": "signed, gaussian", **key, "interval": f"Student's t over {over}"} | _figures(
                    mean - half, mean + half, 0.0
                )


def _figures(low: np.ndarray, high: np.ndarray, truth: float) -> dict[str, float]:
    held, widths = np.mean((low <= truth) & (truth <= high)), high - low
    return {"coverage": float(held), "mean_width": float(widths.mean()), "median_width": float(np.median(widths))}
