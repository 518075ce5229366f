"""Two small networks to match, and their costs neuron by neuron."""

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.matching.base import MatchingProblem
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mlp import Mlp

WIDTH, DEPTH = 11, 3
GROUPS = [f"hidden_{k}" for k in range(1, DEPTH + 1)]


def networks(bias: bool = True) -> tuple[FeedForward, dict[str, Tensor], dict[str, Tensor]]:
    """Return the mathematics of two networks and their weights."""
    settings = Mlp(bias=bias)
    drawn = (settings.initial(Shape((6,), WIDTH, DEPTH, 4), np.random.default_rng(seed)) for seed in (0, 1))
    a, b = ({name: tensor.double() for name, tensor in net.items()} for net in drawn)
    return settings.architecture(Shape((6,), WIDTH, DEPTH, 4)), a, b


def inputs() -> Tensor:
    return torch.from_numpy(np.random.default_rng(7).standard_normal((300, 6)) + 0.3)


def rows(problem: MatchingProblem, k: int, below: dict[str, np.ndarray], biases: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (w, b) or w of layer k of A and of B, B's inputs in A's order."""
    both = []
    for weights, moved in ((problem.a.weights, None), (problem.b.weights, below.get(f"hidden_{k - 1}"))):
        w = weights[f"hidden_{k}.weight"]
        w = w if moved is None else w[:, moved]
        both.append(np.column_stack([w, weights[f"hidden_{k}.bias"]]) if biases else w)
    return both[0], both[1]


def explicit(a: np.ndarray, b: np.ndarray, metric: np.ndarray) -> np.ndarray:
    """Return the squared distances of rows in a metric, pair by pair."""
    return np.array([[(u - v) @ metric @ (u - v) for v in b] for u in a])


def below_of(seed: int) -> dict[str, np.ndarray]:
    """Return any permutations of the layers below."""
    rng = np.random.default_rng(seed)
    return {group: rng.permutation(WIDTH) for group in GROUPS}
