"""`straight_through`: Git Re-Basin's straight-through estimator, a descent of the midpoint's training loss over permutations."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.iteration import Best, iterate
from lmc_sweeps.matching.layers import layer_report
from lmc_sweeps.matching.midpoint import Midpoint, draw_examples
from lmc_sweeps.matching.problem import LOCAL, MatchingProblem, MatchingResult, NetworkView, permutation_maps
from lmc_sweeps.matching.rebasin import Rebasin

MOST_EXAMPLES = 5000  # of the batch on which permutations are scored
PROJECTION = Rebasin(starts=1)

Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class StraightThrough(Matching):
    r"""Move all groups at once so that the training loss halfway between the networks falls.

    .. math:: \min_P L\left(\tfrac{1}{2} (\theta_A + P \theta_B)\right)

    A shadow :math:`\tilde\theta` of permuted B, at first :math:`\theta_A`, is trained by stochastic gradient descent with momentum m and
    learning rate :math:`\eta`, on minibatches of training examples:

    .. math:: P = \arg\min_P \|\tilde\theta - P \theta_B\|^2, \qquad
        v \leftarrow m v + \frac{\partial L}{\partial (P \theta_B)}, \qquad \tilde\theta \leftarrow \tilde\theta - \eta v

    The gradient is that at the projection, as if the projection were the identity. The projection is `rebasin`'s search: at first from B's
    own order until a whole sweep changes nothing, which is `rebasin` with one start; then, every `project_every` steps and after the last
    one, one sweep from the last permutation. Every new permutation is scored by the midpoint's loss on one batch of 5,000 training examples
    (all, if there are no more), and the best score counts: the lowest loss of a noisy minibatch would be a biased choice.

    With a `learning_rate` of 0, or no steps, it is the projection of A: `rebasin` from B's own order. Batch norms are evaluated with
    the mean of both networks' statistics.

    The result's objective is the score after every projection, the first being that of `rebasin`; its statistics have the best score and
    its step, the number of permutations that were scored, and the lowest loss of a minibatch.

    References
    ----------
    Ainsworth, Hayase and Srinivasa 2023, algorithm 2, which projects after every step and until nothing changes. Their code takes 250
    epochs at a learning rate of 0.01, and keeps the permutation of the lowest minibatch loss.
    """

    name: ClassVar[str] = "straight_through"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "loss", "generator"})
    steps: int = 100
    batch_size: int = 500
    learning_rate: float = 0.1
    momentum: float = 0.9
    project_every: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.integer("matching.straight_through.steps", self.steps, least=0)
        checks.integer("matching.straight_through.batch_size", self.batch_size)
        checks.number("matching.straight_through.learning_rate", self.learning_rate, least=0, below=1e6)
        checks.number("matching.straight_through.momentum", self.momentum, least=0, below=1)
        checks.integer("matching.straight_through.project_every", self.project_every)

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the best permutations of all projections."""
        first = PROJECTION.search(problem, {group: np.arange(size) for group, size in problem.sizes.items()}).state
        midpoint = Midpoint(problem, MOST_EXAMPLES)
        score = midpoint.loss(midpoint.weights(first))
        shadow = {name: array for name, array in problem.a.weights.items() if name not in problem.graph.buffers}
        at_rest = {name: np.zeros_like(array) for name, array in shadow.items()}
        start = _State(shadow=shadow, velocity=at_rest, orders=first, score=score, best=Best(first, score))
        rounds = -(-self.steps // self.project_every)
        search = iterate(
            start, lambda state: self._round(problem, midpoint, state), lambda before, after: False, rounds, lambda state: state.score
        )
        end = search.state
        return MatchingResult(
            maps=permutation_maps(end.best.state),
            is_permutation=True,
            layers=layer_report(PROJECTION, problem, end.best.state),
            status=LOCAL,
            sentence=f"the best of {end.n_scored} permutations, of step {end.best.step} of {self.steps}",
            objective=(score, *search.objective),
            statistics={
                "loss": end.best.score,
                "best_step": end.best.step,
                "permutations_scored": end.n_scored,
                "lowest_minibatch_loss": end.lowest_minibatch_loss,
            },
        )

    def _round(self, problem: MatchingProblem, midpoint: Midpoint, state: "_State") -> "_State":
        """Return the state after the steps up to the next projection, and that projection."""
        shadow, velocity = dict(state.shadow), dict(state.velocity)
        weights, lowest = midpoint.weights(state.orders), state.lowest_minibatch_loss
        steps = min(self.project_every, self.steps - state.step)
        for _ in range(steps):
            loss, gradient = midpoint.training_loss.value_and_gradient(weights, draw_examples(problem, self.batch_size))
            if not all(np.isfinite(array).all() for array in gradient.values()):
                continue  # there is nothing to follow
            lowest = min(lowest, loss)
            for name in shadow:
                velocity[name] = self.momentum * velocity[name] + gradient[name] / 2  # of P theta_B, half of the midpoint
                shadow[name] = shadow[name] - self.learning_rate * velocity[name]
        shown = replace(problem, views=(NetworkView(weights=shadow), problem.b))
        orders = PROJECTION.search(shown, state.orders, most_sweeps=1).state
        after = replace(state, shadow=shadow, velocity=velocity, orders=orders, step=state.step + steps, lowest_minibatch_loss=lowest)
        if all(np.array_equal(orders[group], state.orders[group]) for group in orders):
            return after
        score = midpoint.loss(midpoint.weights(orders))
        return replace(after, score=score, n_scored=state.n_scored + 1, best=state.best.or_better(orders, score, after.step))


@dataclass(frozen=True, kw_only=True)
class _State:
    """The shadow of permuted B and its velocity, its projection and the score of that, and the best so far."""

    shadow: Weights
    velocity: Weights
    orders: dict[str, np.ndarray]
    score: float
    best: Best[dict[str, np.ndarray]]
    step: int = 0
    n_scored: int = 1
    lowest_minibatch_loss: float = float("inf")
