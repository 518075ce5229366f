"""`frank_wolfe`: all groups at once by the Frank-Wolfe algorithm over soft permutations, C2M3's matching of two models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.polynomial import Polynomial

from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.all_weights import LEAST_GAIN, AllWeightsMatching, squared_distance, squares
from lmc_sweeps.matching.iteration import iterate
from lmc_sweeps.matching.layers import layer_report
from lmc_sweeps.matching.problem import LOCAL, NOT_CONVERGED, MatchingProblem, MatchingResult, permutation_maps
from lmc_sweeps.matching.soft_maps import Block, SoftMaps, blocks_of, gradient, inner_product, matrix
from lmc_sweeps.transport.ties import TieRule, settled

STARTS: Mapping[str, Callable[[int], np.ndarray]] = {"barycentre": lambda n: np.full((n, n), 1 / n), "identity": np.eye}
LARGEST_GAP = 1e-9  # of |f|, or of 1 where that is more: a smaller one counts as none
ROUNDING = 1e-12  # of the largest coefficient of f on a segment: smaller ones of its highest powers are none
MOST_PASSES = 100  # over the groups, where soft permutations are replaced


@dataclass(frozen=True, kw_only=True)
class FrankWolfe(AllWeightsMatching):
    r"""Match all groups together by all of their weights, over soft permutations, which are then replaced by permutations.

    .. math:: \max_P f(P), \qquad f(P) = \sum_p \langle W^p_A, P W^p_B \rangle, \qquad
              \|\theta_A - P\theta_B\|^2 = \|\theta_A\|^2 + \|\theta_B\|^2 - 2 f(P) \text{ at permutations}

    over parameters, each :math:`P_l` (n, n) doubly stochastic, on every axis, segment and factor that group l has. One iteration takes

    .. math:: S_l = \arg\max_S \langle S, G_l \rangle, \qquad G_l = \partial f / \partial P_l, \qquad P \leftarrow P + t (S - P)

    for all groups at the same point, S by linear assignment, with the t in [0, 1] at which f is largest: along the segment it is a
    polynomial, whose degree is the largest number of factors with a group on one tensor, and which is known exactly from its value, its
    slope and as many values as are missing. The slope is the gap :math:`g = \sum_l \langle G_l, S_l - P_l \rangle \ge 0`; the search ends
    where it is at most :math:`10^{-9} \max(1, |f|)`, or after `iterations`. Then one group after the other is given the best permutation
    for the others as they are. Where no tensor has a group twice, f is linear in each group, and this never lowers it. It goes on until
    none gains, so that no group can be improved alone.

    From the barycentre, where every entry of P is 1/n, the result does not depend on the order of B's neurons (but where permutations are
    equally good, or where all sums over neurons vanish, and with them all gaps). From the identity it does.

    The result's objective is the squared distance after every iteration, at soft permutations by the formula with f, at last that of the
    permutations; its statistics have the gap at the start and after every iteration.

    References
    ----------
    Crisostomi et al. 2024 (C2M3), two models; Jaggi 2013 for the algorithm; the exact step, the start at the barycentre and the
    replacement group by group are ours.
    """

    name: ClassVar[str] = "frank_wolfe"
    needs: ClassVar[frozenset[str]] = frozenset({"weights"})
    start: str = "barycentre"
    iterations: int = 400

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("matching.frank_wolfe.start", self.start, STARTS)
        checks.integer("matching.frank_wolfe.iterations", self.iterations)

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the permutations that replace the soft ones at which the search ended."""
        blocks, total = blocks_of(problem), sum(squares(problem, view.weights) for view in (problem.a, problem.b))
        start = Point.at(blocks, {group: STARTS[self.start](size) for group, size in problem.sizes.items()})
        search = iterate(
            start,
            step=lambda point: step(blocks, point),
            is_done=lambda before, after: after.gap <= LARGEST_GAP * max(1.0, abs(after.value)),
            most=self.iterations,
            objective=lambda point: max(total - 2 * point.value, 0.0),
        )
        orders = replaced(blocks, search.state.maps, LEAST_GAIN * total)
        return MatchingResult(
            maps=permutation_maps(orders),
            is_permutation=all(np.array_equal(matrix(orders[group]), soft) for group, soft in search.state.maps.items()),
            layers=layer_report(self, problem, orders),
            status=LOCAL if search.is_done else NOT_CONVERGED,
            sentence=f"after {search.steps} iterations the gap is {search.state.gap:.2g}" + ("" if search.is_done else ", not 0 yet"),
            objective=(*search.objective, squared_distance(problem, orders)),
            statistics={"gap": (*search.state.earlier_gaps, search.state.gap)},
        )


@dataclass(frozen=True)
class Point:
    """Soft permutations, the inner product f there, the permutations that its gradient points to, and how far f rises towards them."""

    maps: SoftMaps
    value: float
    targets: SoftMaps
    gap: float
    earlier_gaps: tuple[float, ...] = ()

    @classmethod
    def at(cls, blocks: Sequence[Block], maps: SoftMaps, earlier_gaps: tuple[float, ...] = ()) -> "Point":
        """Return the point of soft permutations."""
        targets, gap = {}, 0.0
        for group, soft in maps.items():
            slopes = gradient(blocks, group, maps)
            targets[group] = best_order(slopes)
            gap += float(slopes[np.arange(len(soft)), targets[group]].sum() - np.vdot(slopes, soft))
        return cls(maps, inner_product(blocks, maps), targets, max(gap, 0.0), earlier_gaps)

    def towards_targets(self, t: float) -> SoftMaps:
        """Return the soft permutations at t on the segment from here (0) to the targets (1)."""
        if t == 1:
            return {group: matrix(order) for group, order in self.targets.items()}
        return {group: (1 - t) * soft + t * matrix(self.targets[group]) for group, soft in self.maps.items()}


def step(blocks: Sequence[Block], point: Point) -> Point:
    """Return the best point on the segment to the targets."""
    t = best_step(line(blocks, point))
    return Point.at(blocks, point.towards_targets(t), (*point.earlier_gaps, point.gap))


def line(blocks: Sequence[Block], point: Point) -> Polynomial:
    r"""Return f on the segment to the targets, a polynomial in t.

    .. math:: f(P + t D) = f + g t + \sum_{m=2}^d c_m t^m

    The c follow from f at d - 1 more points, the targets among them.
    """
    degree = max((len(block.groups) for block in blocks), default=0)
    times = np.arange(1, degree) / (degree - 1) if degree > 1 else np.zeros(0)
    values = [inner_product(blocks, point.targets if t == 1 else point.towards_targets(t)) for t in times]
    above = (np.array(values) - point.value - point.gap * times) / times**2
    higher = np.linalg.solve(np.vander(times, increasing=True), above)
    return Polynomial([point.value, point.gap, *higher])


def best_step(polynomial: Polynomial) -> float:
    """Return where in [0, 1] a polynomial is largest; of several places the last one."""
    slope = polynomial.trim(ROUNDING * np.abs(polynomial.coef).max()).deriv()
    roots = slope.roots()
    with np.errstate(divide="ignore", invalid="ignore"):  # where roots meet f has no maximum
        for _ in range(3):  # by Newton: a small leading coefficient makes roots inaccurate
            roots = roots - slope(roots) / slope.deriv()(roots)
    inner = roots.real[(np.abs(roots.imag) <= 1e-9) & (roots.real > 0) & (roots.real < 1)]
    places = [1.0, *sorted(inner.tolist(), reverse=True), 0.0]
    return float(places[int(np.argmax([polynomial(t) for t in places]))])


def replaced(blocks: Sequence[Block], maps: SoftMaps, least: float) -> dict[str, np.ndarray]:
    """Return the orders of permutations: group after group the best one for the others as they are, until none gains more than `least`."""
    own = {group: [block for block in blocks if group in block.groups] for group in maps}
    orders = dict(maps)
    for _ in range(MOST_PASSES):
        before = dict(orders)
        for group in orders:
            orders[group] = _better_order(own[group], group, orders, least)
        if all(np.array_equal(before[group], order) for group, order in orders.items()):
            break
    return orders


def best_order(gains: np.ndarray) -> np.ndarray:
    """Return the order of B's neurons, (n,), with the largest sum of gains."""
    from scipy.optimize import linear_sum_assignment  # takes 0.2 s to import

    return np.asarray(linear_sum_assignment(gains, maximize=True)[1])


def _better_order(blocks: Sequence[Block], group: str, maps: SoftMaps, least: float) -> np.ndarray:
    """Return the best permutation of a group if it is better than a permutation that the group has, and whatever soft one it has."""
    slopes, value = gradient(blocks, group, maps), inner_product(blocks, maps)
    is_soft = maps[group].ndim > 1
    exact = best_order(slopes)
    proposals = [settled(-slopes, exact, TieRule()), exact]  # of equally good ones that which moves neurons the least
    if is_soft:
        proposals.append(best_order(maps[group]))  # for a group that a tensor has twice, where slopes are not all that counts
    gains = [inner_product(blocks, {**maps, group: order}) - value for order in proposals]
    better = [order for order, gain in zip(proposals, gains, strict=True) if gain >= (0.0 if is_soft else least)]
    if better:
        return better[0]
    return proposals[int(np.argmax(gains))] if is_soft else maps[group]
