"""Stacks of networks of one shape, and the networks along a line, one after the other."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.maps import Map, as_map


def line_by(
    forward: Callable[[Mapping[str, Tensor], Tensor], Tensor],
    graph: Graph,
    a: Mapping[str, Tensor],
    b: Mapping[str, Tensor],
    maps: Sequence[Mapping[str, Map | np.ndarray]],
    t: Tensor,
    inputs: Tensor,
) -> Tensor:
    """Return the logits along the lines from A to B under each of M maps, (M, T, n, ...), one network after the other.

    The ends are computed once for all lines: they are A's at t = 0, and at t = 1 B's own where the map is a permutation.
    """
    own = {end: forward(stacked([network]), inputs)[0] for end, network in ((0.0, a), (1.0, b)) if bool((t == end).any())}
    logits = []
    for each in maps:
        aligned, keeps = graph.apply(b, each), all(as_map(group, mapping).is_permutation for group, mapping in each.items())
        for part in t.split(1):
            is_own = float(part) == 0 or (float(part) == 1 and keeps)
            logits.append(own[float(part)] if is_own else forward(interpolate(a, aligned, part), inputs)[0])
    return torch.stack(logits).view(len(maps), len(t), *logits[0].shape)


def unstack(stack: Mapping[str, Tensor], k: int) -> dict[str, Tensor]:
    """Return the parameters of network k of a stack."""
    return {name: tensor[k] for name, tensor in stack.items()}


def stacked(networks: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the stack of several networks of one shape."""
    return {name: torch.stack([network[name] for network in networks]) for name in networks[0]}
