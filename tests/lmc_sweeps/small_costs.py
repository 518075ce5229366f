"""Cost matrices of every kind that a transport meets."""

from collections.abc import Callable

import numpy as np

from lmc_sweeps.maths.ground_costs import squared_distances


def of_dead_neurons(rng: np.random.Generator, n: int) -> np.ndarray:
    rows = rng.standard_normal((n, 5))
    rows[::2] = 0.0  # half of the neurons are equal
    return squared_distances(rows, rows[rng.permutation(n)])


COSTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "uniform": lambda rng, n: rng.random((n, n)),
    "distances": lambda rng, n: squared_distances(rng.standard_normal((n, 5)), rng.standard_normal((n, 5))),
    "integers": lambda rng, n: rng.integers(0, 4, (n, n)),  # many ties, and an integer type
    "dead neurons": of_dead_neurons,
    "constant": lambda rng, n: np.full((n, n), 0.3),
    "zero": lambda rng, n: np.zeros((n, n)),
    "sum": lambda rng, n: rng.random(n)[:, None] + rng.random(n)[None, :],  # every permutation costs the same
    "product": lambda rng, n: rng.random(n)[:, None] * rng.random(n)[None, :],
    "tiny": lambda rng, n: 1e-9 * rng.random((n, n)),
    "huge": lambda rng, n: 1e9 * rng.random((n, n)),
    "negative": lambda rng, n: rng.standard_normal((n, n)),
    "wide range": lambda rng, n: 10.0 ** rng.uniform(-6, 3, (n, n)),
}
