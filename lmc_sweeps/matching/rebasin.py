"""`rebasin`: Git Re-Basin's weight matching, all weights of every group, one group at a time until none gains."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from lmc_sweeps import transport
from lmc_sweeps.common import checks
from lmc_sweeps.common.identity import LATER
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.all_weights import LEAST_GAIN, AllWeightsMatching, own_distance, squared_distance, squares
from lmc_sweeps.matching.iteration import Iteration, iterate
from lmc_sweeps.matching.layers import layer_report
from lmc_sweeps.matching.problem import (
    LOCAL,
    NOT_CONVERGED,
    MatchingProblem,
    MatchingResult,
    Permutations,
    permutation_maps,
)
from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.transport.sinkhorn import EPSILON
from lmc_sweeps.transport.ties import TieRule

MOST_SWEEPS = 100


@dataclass(frozen=True, kw_only=True)
class Rebasin(AllWeightsMatching):
    r"""Match all groups by all of their weights, on both sides of every tensor.

    .. math:: \min_P \| \theta_A - P \theta_B \|^2 = \|\theta_A\|^2 + \|\theta_B\|^2 - 2 \max_P \sum_p \langle W^p_A, P W^p_B \rangle

    over parameters, with biases, scales and shifts. One group after the other, in a random order that is drawn for every sweep, is given
    its best permutation while the others stay, if the distance falls by it; the search ends where a whole sweep changes nothing. That is a
    local minimum, which depends on the order and on where the search starts, and so on the order of B's neurons: the first start is that
    order, the others are random permutations of it, and the best end counts. (With one hidden layer the first sweep is optimal.)

    The result's objective is the squared distance after every sweep of the best start; its statistics have the squared distance at the end
    of each start.

    References
    ----------
    Ainsworth, Hayase and Srinivasa 2023, algorithm 1; the restarts and the rule for a group on both axes of one tensor are ours.
    """

    name: ClassVar[str] = "rebasin"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "generator"})
    transport: str = "assignment"
    epsilon: float = field(default=EPSILON, metadata=LATER)
    starts: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("matching.rebasin.transport", self.transport, transport.choices())
        checks.number("matching.rebasin.epsilon", self.epsilon, above=0.0)
        checks.integer("matching.rebasin.starts", self.starts)

    def code(self) -> dict[str, str]:
        """Return the digests of the code of a user's own, of the transport too."""
        return super().code() | transport.code(self.transport)

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the permutations of the best of several searches."""
        searches = [self.search(problem, self._start(problem, number)) for number in range(self.starts)]
        ends = [search.objective[-1] for search in searches]
        best = searches[int(np.argmin(ends))]
        ended = [search.is_done for search in searches]
        stopped = "" if all(ended) else f"; {ended.count(False)} of them still changed after {MOST_SWEEPS} sweeps"
        return MatchingResult(
            maps=permutation_maps(best.state),
            is_permutation=True,
            layers=layer_report(self, problem, best.state),
            status=LOCAL if best.is_done else NOT_CONVERGED,
            sentence=f"the best of {self.starts} starts, after {best.steps} sweeps{stopped}",
            objective=best.objective,
            statistics={"squared_distance": tuple(ends), "sweeps": tuple(search.steps for search in searches)},
        )

    def search(self, problem: MatchingProblem, start: Permutations, most_sweeps: int = MOST_SWEEPS) -> Iteration[dict[str, np.ndarray]]:
        """Return where sweeps from a start end, with the squared distance after each."""
        solve, draw = transport.solver(self.transport, self.epsilon), problem.generator
        least = LEAST_GAIN * sum(squares(problem, view.weights) for view in (problem.a, problem.b))

        def sweep(before: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            orders = dict(before)
            for group in draw.permutation(list(orders)):  # type: ignore[union-attr]
                cost = self.ground_cost(problem, group, orders)
                proposal = {**orders, group: from_coupling(solve(cost, TieRule(size=np.mean)).coupling)[0]}
                if own_distance(problem, group, orders) - own_distance(problem, group, proposal) > least:
                    orders = proposal
            return orders

        def is_done(before: Permutations, after: Permutations) -> bool:
            return all(np.array_equal(before[group], after[group]) for group in after)

        return iterate(dict(start), sweep, is_done, most_sweeps, lambda orders: squared_distance(problem, orders))

    def _start(self, problem: MatchingProblem, number: int) -> dict[str, np.ndarray]:
        draw: Any = problem.generator
        return {group: np.arange(size) if number == 0 else draw.permutation(size) for group, size in problem.sizes.items()}
