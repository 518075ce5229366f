"""The order in which permutations put the places of an axis, place by place: a cross-check of what maps do to tensors."""

from collections.abc import Mapping
from math import prod

import numpy as np

from lmc_sweeps.symmetry.axes import Axis


def index(axis: Axis, permutations: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the order in which permutations of its groups put the places of an axis."""
    orders, offset = [], 0
    for segment in axis.segments:
        sizes = [factor.size for factor in segment]
        places = [permutations.get(factor.group or "", np.arange(factor.size)) for factor in segment]
        order = np.ravel_multi_index(np.ix_(*places), sizes).ravel() if segment else np.zeros(1, dtype=np.int64)
        orders.append(order + offset)
        offset += prod(sizes)
    return np.concatenate(orders)
