"""`sinkhorn`: Sinkhorn re-basin, a descent by gradients over soft permutations that become permutations."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.all_weights import AllWeightsMatching
from lmc_sweeps.matching.iteration import Best, iterate
from lmc_sweeps.matching.layers import layer_report
from lmc_sweeps.matching.problem import LOCAL, NOT_CONVERGED, MatchingProblem, MatchingResult, permutation_maps
from lmc_sweeps.matching.soft_losses import DistanceLoss, MidpointLoss, SoftLoss
from lmc_sweeps.maths.doubly_stochastic import balanced, implicit_gradient

LOSSES = ("weights", "midpoint")
MOST_EXAMPLES = 5000  # of the batch on which permutations are scored
TOLERANCE = 1e-6  # of the marginals of soft permutations
NOISE = 0.1  # of the logits at the start
DECAYS, SMALLEST = (0.9, 0.999), 1e-8  # Adam's

Logits = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Sinkhorn(AllWeightsMatching):
    r"""Move all groups at once by the gradient of a loss of soft permutations.

    .. math:: \min_Z L(P), \qquad P_l = \lim_k \mathrm{Sinkhorn}_k (Z_l / \tau_l), \qquad \tau_l = \tau / \ln n_l

    :math:`P_l`, (n, n), has rows and columns that sum to 1; the logits :math:`Z_l` are moved by Adam along the gradient of the limit
    (`maths.doubly_stochastic`). The loss L is that of the networks' distance or of the network halfway,

    .. math:: \|\theta_A - P \theta_B\|^2 \; (\text{weights}), \quad L\left(\tfrac12 (\theta_A + P \theta_B)\right) \; (\text{midpoint})

    the latter on minibatches of training examples. After every epoch of `steps` steps each group is given the permutation of the largest
    sum of its logits, which P becomes for :math:`\tau \to 0`. A soft permutation's loss says little about that permutation's: permutations
    are scored by the loss itself, `midpoint` on one batch of 5,000 training examples (all, if there are no more), and the best score
    counts, that of the start among them. The search ends where no permutation has changed for `patience` epochs.

    At the start Z is the identity with noise of 0.1, and the permutation the order of B's neurons: the result depends on it. There an
    entry of P on the diagonal is about :math:`1 / (1 + n^{1 - 1/\tau})`, 1/2 at :math:`\tau = 1`, whatever the width; with the same
    temperature in all groups neurons of wide layers would become means of all.

    The result's objective is the score at the start and after every epoch; its statistics have the mean loss of the soft permutations in
    every epoch, the best score and its epoch.

    References
    ----------
    Peña et al. 2023, with :math:`\tau = 1` for all widths, 20 iterations of Sinkhorn's and AdamW; the division by :math:`\ln n`, the
    gradient of the limit in its n x n form, and the choice by the score of permutations are ours.
    """

    name: ClassVar[str] = "sinkhorn"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "loss", "generator"})
    loss: str = "midpoint"
    epochs: int = 50
    steps: int = 10
    learning_rate: float = 0.1
    temperature: float = 1.0
    batch_size: int = 500
    patience: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("matching.sinkhorn.loss", self.loss, LOSSES)
        for name in ("epochs", "steps", "batch_size", "patience"):
            checks.integer(f"matching.sinkhorn.{name}", getattr(self, name))
        checks.number("matching.sinkhorn.learning_rate", self.learning_rate, above=0)
        checks.number("matching.sinkhorn.temperature", self.temperature, above=0)

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the best permutations of all epochs."""
        loss = DistanceLoss(problem) if self.loss == "weights" else MidpointLoss(problem, self.batch_size, MOST_EXAMPLES)
        start = _start(problem, loss)
        search = iterate(
            start,
            step=lambda state: self._epoch(loss, state),
            is_done=lambda before, after: after.n_unchanged >= self.patience,
            most=self.epochs,
            objective=lambda state: state.score,
        )
        end = search.state
        still = "" if search.is_done else "; permutations still change"
        return MatchingResult(
            maps=permutation_maps(end.best.state),
            is_permutation=True,
            layers=layer_report(self, problem, end.best.state),
            status=LOCAL if search.is_done else NOT_CONVERGED,
            sentence=f"the best of epoch {end.best.step} of {search.steps}{still}",
            objective=(start.score, *search.objective),
            statistics={"soft_loss": end.soft_losses, "best_score": end.best.score, "best_epoch": end.best.step},
        )

    def _epoch(self, loss: SoftLoss, state: "_State") -> "_State":
        """Return the state after some steps of Adam, with the score of the permutations of its logits."""
        values = []
        for _ in range(self.steps):
            value, gradients, potentials = self._gradients(loss, state)
            values.append(value)
            state = replace(state, potentials=potentials)
            if all(np.isfinite(gradient).all() for gradient in gradients.values()):  # or else there is nothing to follow
                state = self._moved(state, gradients)
        state = replace(state, epoch=state.epoch + 1, soft_losses=(*state.soft_losses, float(np.mean(values))))
        orders = {group: best_order(logits) for group, logits in state.logits.items()}
        if all(np.array_equal(orders[group], state.orders[group]) for group in orders):
            return replace(state, n_unchanged=state.n_unchanged + 1)
        score = loss.of_orders(orders)
        return replace(state, orders=orders, score=score, n_unchanged=0, best=state.best.or_better(orders, score, state.epoch))

    def _gradients(self, loss: SoftLoss, state: "_State") -> tuple[float, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the loss of the soft permutations of logits, its gradient by the logits, and potentials to begin with next time."""
        temperatures = {group: self.temperature / np.log(max(len(values), 2)) for group, values in state.logits.items()}
        soft = {
            group: balanced(values / temperatures[group], TOLERANCE, state.potentials.get(group)) for group, values in state.logits.items()
        }
        value, by_map = loss.value_and_gradient({group: each.matrix for group, each in soft.items()})
        gradients = {group: implicit_gradient(each.matrix, by_map[group], temperatures[group]) for group, each in soft.items()}
        return value, gradients, {group: each.columns for group, each in soft.items()}

    def _moved(self, state: "_State", gradients: Logits) -> "_State":
        """Return the state after a step of Adam."""
        number, (first, second) = state.step + 1, DECAYS
        means = {group: first * state.means[group] + (1 - first) * gradient for group, gradient in gradients.items()}
        squares = {group: second * state.squares[group] + (1 - second) * gradient**2 for group, gradient in gradients.items()}
        rate = self.learning_rate * np.sqrt(1 - second**number) / (1 - first**number)
        logits = {group: state.logits[group] - rate * means[group] / (np.sqrt(squares[group]) + SMALLEST) for group in means}
        return replace(state, step=number, logits=logits, means=means, squares=squares)


@dataclass(frozen=True, kw_only=True)
class _State:
    """The logits with Adam's moments, the permutations that they give with their score, and the best so far."""

    logits: Logits
    means: Logits
    squares: Logits
    orders: dict[str, np.ndarray]
    score: float
    best: Best[dict[str, np.ndarray]]
    step: int = 0
    epoch: int = 0
    n_unchanged: int = 0
    soft_losses: tuple[float, ...] = ()
    potentials: Logits = field(default_factory=dict)  # of the columns of the last soft permutations: logits move little in a step


def _start(problem: MatchingProblem, loss: SoftLoss) -> _State:
    """Return the state at the order of B's neurons."""
    draw: np.random.Generator = problem.generator  # type: ignore[assignment]  # as `needs` lists it
    logits = {group: np.eye(n) + NOISE * draw.standard_normal((n, n)) for group, n in problem.sizes.items()}
    zeros = {group: np.zeros_like(values) for group, values in logits.items()}
    orders = {group: np.arange(n) for group, n in problem.sizes.items()}
    score = loss.of_orders(orders)
    return _State(logits=logits, means=zeros, squares=zeros, orders=orders, score=score, best=Best(orders, score))


def best_order(logits: np.ndarray) -> np.ndarray:
    """Return the order of B's neurons, (n,), with the largest sum of logits."""
    from scipy.optimize import linear_sum_assignment  # takes 0.2 s to import

    return np.asarray(linear_sum_assignment(logits, maximize=True)[1])
