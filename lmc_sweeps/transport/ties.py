"""Ties: of the permutations that cost the least, the one that a stated rule chooses, so that rounding decides nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# Of the size of costs: ten times what float32 rounds, a thousand million times what float64 rounds. Measured on trained networks of 8 to
# 1,024 neurons: costs of `weights` and of `covariance` never tie, those of `activations` do where neurons are dead, or nearly so.
RESOLUTION = 1e-6


def typical_size(cost: np.ndarray) -> float:
    """Return the lower quartile of the absolute costs; where that is (up to rounding) nothing, as among dead neurons, their mean."""
    sizes = np.abs(cost).ravel()
    quartile, mean = np.partition(sizes, len(sizes) // 4)[len(sizes) // 4], sizes.mean()
    return float(quartile if quartile > RESOLUTION * mean else mean)


@dataclass(frozen=True, kw_only=True)
class TieRule:
    """What chooses among permutations of equal cost before the places of neurons do, and what counts as equal.

    `criteria` are functions that return another cost, (n, n), to be minimised; called only where there is a tie. Costs count as equal when
    they differ by less than `RESOLUTION` of their `size`, or of a lower quartile of their row and column where that is larger.
    """

    criteria: Sequence[Callable[[], np.ndarray]] = ()
    size: Callable[[np.ndarray], float] = typical_size


def settled(cost: np.ndarray, permutation: np.ndarray, rule: TieRule, potentials: np.ndarray | None = None) -> np.ndarray:
    r"""Return the permutation that a rule chooses among all that cost the least.

    With potentials :math:`u, v` that prove a permutation :math:`\pi` optimal,

    .. math:: r_{ij} = C_{ij} - u_i - v_j \ge 0, \qquad r_{i,\pi(i)} = 0,

    the optimal permutations are exactly those with :math:`r_{i,\pi(i)} = 0` for all i, whichever potentials were found. Here a pairing
    with :math:`r_{ij} \le 10^{-6} s_{ij}`, where s is the size of costs about it, counts as one of no cost: far above the rounding of
    costs, far below what tells neurons apart. Among the permutations made of such pairings the first criterion decides, with a resolution
    of its own; then the next one; in the end the sum of :math:`(i - \pi(i))^2`, which depends on the places of neurons alone.

    Parameters
    ----------
    cost : ndarray, shape (n, n)
        C, finite.
    permutation : ndarray of int, shape (n,)
        :math:`\pi`, of least cost; of several any, for it is not the one that counts.
    rule : TieRule
    potentials : ndarray, shape (n,), optional
        v, or something near, of a solver that knows: it saves time and changes nothing.

    Returns
    -------
    ndarray of int, shape (n,)
        The mean cost is above the least one by at most :math:`10^{-6}` of the mean of s.

    References
    ----------
    Complementary slackness; e.g. Burkard, Dell'Amico and Martello 2009, "Assignment Problems", section 4.1.
    """
    free = _free_pairings(cost, permutation, np.ones(cost.shape, dtype=bool), rule, potentials)
    for criterion in rule.criteria:
        if free is None:
            return permutation
        second = criterion()
        permutation = _cheapest(second, free)
        free = _free_pairings(second, permutation, free, rule)
    if free is None:
        return permutation
    places = np.arange(len(cost), dtype=np.float64)
    return _cheapest((places[:, None] - places) ** 2, free)  # whole numbers: nothing is rounded


def _free_pairings(
    cost: np.ndarray, permutation: np.ndarray, allowed: np.ndarray, rule: TieRule, potentials: np.ndarray | None = None
) -> np.ndarray | None:
    """Return which pairings the optimal permutations within `allowed` are made of, or None if there is one permutation only."""
    from scipy.sparse import csr_array  # takes 0.1 s to import
    from scipy.sparse.csgraph import connected_components

    n = len(cost)
    # Arc k -> j: what it costs more to give row k the column of row j in place of its own.
    own = cost[np.arange(n), permutation]
    arcs = np.where(allowed, cost - own[:, None], np.inf)[:, permutation]
    resolution = RESOLUTION * _sizes(cost, rule.size(cost))[:, permutation]
    lengths = _shortest(arcs, np.zeros(n) if potentials is None else potentials[permutation], 1e-3 * resolution.min())
    tight = arcs + lengths[:, None] - lengths <= resolution
    if np.count_nonzero(tight) == n:
        return None
    # A pairing is part of an optimal permutation if it lies on a cycle of exchanges, hence within a strongly connected component.
    count, component = connected_components(csr_array(tight), directed=True, connection="strong")
    if count == n:
        return None
    free = np.zeros_like(allowed)
    free[:, permutation] = tight & (component[:, None] == component)
    return free


def _sizes(cost: np.ndarray, least: float) -> np.ndarray:
    """Return how large costs are about each pairing, (n, n): a lower quartile of its row and column, where that is above the least size."""
    quarter = len(cost) // 4
    rows, columns = (np.partition(np.abs(cost), quarter, axis=axis).take(quarter, axis=axis) for axis in (1, 0))
    return np.maximum((rows[:, None] + columns) / 2, least)


def _shortest(arcs: np.ndarray, lengths: np.ndarray, least: float) -> np.ndarray:
    """Return the lengths of the shortest paths to every node, from a source with an arc of a given length to each (Bellman and Ford)."""
    buffer = np.empty_like(arcs)
    for _ in range(len(arcs)):
        shorter = np.add(arcs, lengths[:, None], out=buffer).min(axis=0)
        if not (shorter < lengths - least).any():
            break
        lengths = np.minimum(lengths, shorter)
    return lengths


def _cheapest(cost: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return the cheapest permutation made of free pairings, of which there is one."""
    from scipy.optimize import linear_sum_assignment

    return np.asarray(linear_sum_assignment(np.where(free, cost, np.inf))[1])
