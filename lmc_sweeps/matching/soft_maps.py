"""Soft permutations, matrices or orders of neurons on the factors of axes: the inner product of two networks, and its gradient."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from lmc_sweeps.matching.neuron_weights import cut
from lmc_sweeps.matching.problem import MatchingProblem

# By group a matrix (n, n), rows A's neurons and columns B's; the order (n,) of a permutation; or matrices (heads, n, n), one for each place
# of the factor before.
SoftMaps = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Block:
    """A parameter, or its part in one segment of each axis, of both networks: a factor that has a group an axis, all others flat behind.

    Parameters
    ----------
    groups : tuple of str
        Of the factors; a group may stand there twice.
    a, b : ndarray, shape (n_1, ..., n_k, m)
    """

    groups: tuple[str, ...]
    a: np.ndarray
    b: np.ndarray

    def moved(self, maps: SoftMaps, but: Collection[int] = ()) -> np.ndarray:
        """Return B's part with its factors mapped to A's, all `but` some."""
        part = self.b
        for k, group in enumerate(self.groups):
            if k not in but:
                part = _mapped(part, k, maps[group])
        return part

    def value(self, maps: SoftMaps) -> float:
        """Return the inner product of A's part with B's mapped one."""
        return float(np.vdot(self.a, self.moved(maps)))

    def distance(self, maps: SoftMaps) -> float:
        """Return the squared distance of A's part from B's mapped one."""
        return float(np.sum((self.a - self.moved(maps)) ** 2))

    def products(self, maps: SoftMaps, *places: int) -> np.ndarray:
        """Return the inner products of A's part with B's mapped one over all axes but some places, (n_k, ..., n_k, ...): A's, then B's.

        Of one place they are the derivative of the inner product by the map there.
        """
        others = [axis for axis in range(self.a.ndim) if axis not in places]
        return np.tensordot(self.a, self.moved(maps, but=places), axes=(others, others))


def blocks_of(problem: MatchingProblem) -> list[Block]:
    """Return all parameters of a problem as blocks; statistics and constants are left out."""
    blocks = []
    for name in (name for name in problem.a.weights if name not in problem.graph.buffers):
        axes = problem.graph.axes.get(name, ())
        for segments in product(*(range(len(axis.segments)) for axis in axes)):
            factors = [factor for axis, s in zip(axes, segments, strict=True) for factor in axis.segments[s]]
            places = [k for k, factor in enumerate(factors) if factor.group is not None]
            order = places + [k for k in range(len(factors)) if k not in places]
            shape = [*(factors[k].size for k in places), -1]
            parts = (view.weights[name] if not axes else cut(view.weights[name], axes, segments) for view in (problem.a, problem.b))
            a, b = (part.transpose(order).reshape(shape) if axes else part.reshape(-1) for part in parts)
            blocks.append(Block(tuple(str(factors[k].group) for k in places), a, b))
    return blocks


def inner_product(blocks: Iterable[Block], maps: SoftMaps) -> float:
    r"""Return :math:`f(P) = \sum_p \langle W^p_A, P W^p_B \rangle`, P on every factor that has a group."""
    return sum(block.value(maps) for block in blocks)


def gradient(blocks: Iterable[Block], group: str, maps: SoftMaps) -> np.ndarray:
    r"""Return :math:`\partial f / \partial P_l`, (n, n), of one group: the sum over all of its places."""
    n = len(maps[group])
    places = ((block, k) for block in blocks for k, name in enumerate(block.groups) if name == group)
    return sum((block.products(maps, k) for block, k in places), np.zeros((n, n)))


def matrix(mapping: np.ndarray) -> np.ndarray:
    """Return a soft map as a matrix: of an order that of its permutation, ``matrix @ w = w[order]``."""
    return np.eye(len(mapping))[mapping] if mapping.ndim == 1 else mapping


def _mapped(part: np.ndarray, k: int, mapping: np.ndarray) -> np.ndarray:
    if mapping.ndim == 1:
        return part.take(mapping, axis=k)
    if mapping.ndim == 3:
        by_head = np.moveaxis(part, (k - 1, k), (0, 1))
        return np.moveaxis((mapping @ by_head.reshape(*mapping.shape[:2], -1)).reshape(by_head.shape), (0, 1), (k - 1, k))
    return np.moveaxis(np.tensordot(mapping, part, axes=(1, k)), 0, k)
