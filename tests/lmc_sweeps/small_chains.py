"""Networks by hand, as axes and random weights in NumPy, and problems made of them."""

from collections.abc import Mapping

import numpy as np

from lmc_sweeps.matching.base import MatchingProblem, NetworkView
from lmc_sweeps.symmetry.graph import Graph

Axes = dict[str, tuple[str | None, ...]]
Weight = Mapping[str, np.ndarray]


def chain(sizes: tuple[int, ...], seed: int) -> tuple[Axes, dict[str, np.ndarray]]:
    """Return the axes and random weights of a chain of layers of these sizes."""
    rng = np.random.default_rng(seed)
    groups: list[str | None] = [None, *(f"h{k}" for k in range(1, len(sizes) - 1)), None]
    axes: Axes = {}
    weights = {}
    for k in range(1, len(sizes)):
        axes |= {f"w{k}": (groups[k], groups[k - 1]), f"b{k}": (groups[k],)}
        weights |= {f"w{k}": rng.standard_normal((sizes[k], sizes[k - 1])), f"b{k}": rng.standard_normal(sizes[k])}
    return axes, weights


def problem_of(axes: Axes, a: Weight, b: Weight, seed: int = 0) -> MatchingProblem:
    graph = Graph.by_hand(axes, a)
    return MatchingProblem(graph=graph, views=(NetworkView(weights=a), NetworkView(weights=b)), generator=np.random.default_rng(seed))


def residual(d: int, hidden: int, blocks: int, n_inputs: int, seed: int) -> tuple[Axes, dict[str, np.ndarray]]:
    """Return the axes and random weights of a stream of d neurons that blocks with a hidden layer each read and write."""
    rng = np.random.default_rng(seed)
    axes: Axes = {"in": ("s", None), "in_bias": ("s",)}
    shapes: dict[str, tuple[int, ...]] = {"in": (d, n_inputs), "in_bias": (d,)}
    for k in range(blocks):
        axes |= {f"up{k}": (f"h{k}", "s"), f"up_bias{k}": (f"h{k}",), f"down{k}": ("s", f"h{k}"), f"down_bias{k}": ("s",)}
        shapes |= {f"up{k}": (hidden, d), f"up_bias{k}": (hidden,), f"down{k}": (d, hidden), f"down_bias{k}": (d,)}
    axes |= {"out": (None, "s"), "out_bias": (None,)}
    shapes |= {"out": (10, d), "out_bias": (10,)}
    return axes, {name: rng.standard_normal(shape) / np.sqrt(shape[-1]) for name, shape in shapes.items()}


def moved(axes: Axes, weights: Weight, orders: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    out = {}
    for name, entry in axes.items():
        out[name] = weights[name]
        for k, group in enumerate(entry):
            out[name] = out[name] if group is None or group not in orders else out[name].take(orders[group], k)
    return out


def apart(a: Weight, b: Weight) -> float:
    return sum(float(((a[name] - b[name]) ** 2).sum()) for name in a)
