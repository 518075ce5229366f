"""Ties: of the permutations that cost the least, the one that a stated rule chooses, so that rounding decides nothing."""

from collections.abc import Callable, Sequence

import numpy as np

RESOLUTION = 1e-7  # of the costs' scale: what float32 cannot tell apart; a thousand million times the rounding of float64
Criterion = Callable[[], np.ndarray]


def settled(
    cost: np.ndarray, permutation: np.ndarray, criteria: Sequence[Criterion] = (), potentials: np.ndarray | None = None
) -> np.ndarray:
    r"""Return the permutation that a rule chooses among all that cost the least.

    With potentials :math:`u, v` that prove a permutation :math:`\pi` optimal,

    .. math:: r_{ij} = C_{ij} - u_i - v_j \ge 0, \qquad r_{i,\pi(i)} = 0,

    the optimal permutations are exactly those with :math:`r_{i,\pi(i)} = 0` for all i, whichever potentials were found. Here a pairing
    with :math:`r_{ij} \le 10^{-7} s`, where s is the scale of the costs, counts as one of no cost: far above the rounding of costs, far
    below what tells neurons apart. Among the permutations made of such pairings the first criterion decides, another cost that is
    minimised, with a resolution of its own; then the next one; in the end the sum of :math:`(i - \pi(i))^2`, which depends on the places
    of neurons alone.

    Parameters
    ----------
    cost : ndarray, shape (n, n)
        C, finite.
    permutation : ndarray of int, shape (n,)
        :math:`\pi`, of least cost; of several any, for it is not the one that counts.
    criteria : sequence of callable
        Each returns a cost, (n, n); called only where there is a tie.
    potentials : ndarray, shape (n,), optional
        v, or something near, of a solver that knows: it saves time and changes nothing.

    Returns
    -------
    ndarray of int, shape (n,)
        The mean cost is above the least one by at most :math:`10^{-7} s`.

    References
    ----------
    Complementary slackness; e.g. Burkard, Dell'Amico and Martello 2009, "Assignment Problems", section 4.1.
    """
    free = _free_pairings(cost, permutation, np.ones(cost.shape, dtype=bool), potentials)
    for criterion in criteria:
        if free is None:
            return permutation
        second = criterion()
        permutation = _cheapest(second, free)
        free = _free_pairings(second, permutation, free)
    if free is None:
        return permutation
    places = np.arange(len(cost), dtype=np.float64)
    return _cheapest((places[:, None] - places) ** 2, free)  # whole numbers: nothing is rounded


def _free_pairings(
    cost: np.ndarray, permutation: np.ndarray, allowed: np.ndarray, potentials: np.ndarray | None = None
) -> np.ndarray | None:
    """Return which pairings the optimal permutations within `allowed` are made of, or None if there is one permutation only."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = len(cost)
    # What it costs more to give a row the column of another row: arc k -> j is the exchange of column permutation[k] for permutation[j].
    own = cost[np.arange(n), permutation]
    arcs = np.where(allowed, cost - own[:, None], np.inf)[:, permutation]
    scale = _scale(cost[allowed])
    lengths = _shortest(arcs, np.zeros(n) if potentials is None else potentials[permutation], 1e-3 * RESOLUTION * scale)
    tight = arcs + lengths[:, None] - lengths <= RESOLUTION * scale
    if np.count_nonzero(tight) == n:
        return None
    # A pairing is part of an optimal permutation if it lies on a cycle of exchanges, hence within a strongly connected component.
    count, component = connected_components(csr_array(tight), directed=True, connection="strong")
    if count == n:
        return None
    free = np.zeros_like(allowed)
    free[:, permutation] = tight & (component[:, None] == component)
    return free


def _shortest(arcs: np.ndarray, lengths: np.ndarray, least: float) -> np.ndarray:
    """Return the lengths of the shortest paths to every node, from a source with an arc of a given length to each (Bellman and Ford)."""
    buffer = np.empty_like(arcs)
    for _ in range(len(arcs)):
        shorter = np.add(arcs, lengths[:, None], out=buffer).min(axis=0)
        if not (shorter < lengths - least).any():
            break
        lengths = np.minimum(lengths, shorter)
    return lengths


def _scale(costs: np.ndarray) -> float:
    """Return the size of costs: their median, or their mean where most are (up to rounding) nothing, as between dead neurons."""
    sizes = np.abs(costs)
    median, mean = float(np.median(sizes)), float(np.mean(sizes))
    return median if median > 1e-6 * mean else mean


def _cheapest(cost: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return the cheapest permutation made of free pairings, of which there is one."""
    from scipy.optimize import linear_sum_assignment

    return np.asarray(linear_sum_assignment(np.where(free, cost, np.inf))[1])
