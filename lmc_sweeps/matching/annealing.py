"""`annealing`: simulated annealing of the midpoint's training loss over the permutations of all groups."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.iteration import Best, iterate
from lmc_sweeps.matching.layers import layer_report
from lmc_sweeps.matching.midpoint import Midpoint
from lmc_sweeps.matching.problem import LOCAL, MatchingProblem, MatchingResult, permutation_maps
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.matching.weights import Weights

STARTS: dict[str, Matching] = {"identity": Identity(), "weights": Weights(), "rebasin": Rebasin()}
METRIC = Rebasin()  # of the costs that are reported: all weights
LEVELS = 100  # temperatures
TRIALS = 50  # moves from the start, whose standard deviation is the first temperature
COOLED = 1e-3  # the last temperature in units of the first


@dataclass(frozen=True, kw_only=True)
class Annealing(Matching):
    r"""Swap neurons of B at random so that the training loss halfway between the networks falls.

    .. math:: \min_P E(P), \qquad E(P) = L\left(\tfrac{1}{2} (\theta_A + P \theta_B)\right)

    A move swaps two random places of one random group. It is taken if the energy E, on one batch of training examples that is drawn
    once, does not rise, and otherwise with the probability :math:`e^{-\Delta E / T}`. The temperature T falls in 100 levels,
    geometrically, to a thousandth of its first value: `temperature` times the standard deviation of :math:`\Delta E` over 50 random moves
    from the start; with 0 only moves count that do not raise the energy. The best permutation of all that were visited is returned, so that
    its energy is never above that of the start.

    Every move costs a forward pass of one network over the batch, so this is for narrow networks: at 1,000 neurons a group there are half
    a million swaps. Batch norms are evaluated with the mean of both networks' statistics.

    The result's objective is the energy of the last permutation of each level; its statistics have the energy of the start, that of the
    best permutation, and the share of moves that were taken.

    References
    ----------
    Entezari, Sedghi, Saukh and Neyshabur 2022, who swap a pair in every group at once and take the accuracy for the energy, at
    temperatures from 25,000 to 2.5 percentage points, in 50,000 steps. One group at a time, the loss (which has no plateaus), and a first
    temperature of the size of a move are ours.
    """

    name: ClassVar[str] = "annealing"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "loss", "generator"})
    steps: int = 2000
    examples: int = 2000
    start: str = "identity"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.integer("matching.annealing.steps", self.steps, least=0)
        checks.integer("matching.annealing.examples", self.examples)
        checks.one_of("matching.annealing.start", self.start, STARTS)
        checks.number("matching.annealing.temperature", self.temperature, least=0)

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the best permutations of all that were visited."""
        orders = STARTS[self.start](problem).permutations
        midpoint = Midpoint(problem, self.examples)
        moves = _Moves(problem, midpoint)
        weights = midpoint.weights(orders)
        energy = midpoint.loss(weights)
        start = _State(orders, weights, energy, Best(orders, energy))
        steps = self.steps if moves.groups else 0
        first = self.temperature * moves.spread(start) if steps and self.temperature else 0.0
        levels = min(LEVELS, steps)

        def level(state: _State) -> _State:
            temperature = first * COOLED ** (state.level / max(levels - 1, 1))
            for _ in range(steps * (state.level + 1) // levels - steps * state.level // levels):
                state = moves.step(state, temperature)
            return replace(state, level=state.level + 1)

        search = iterate(start, level, lambda before, after: False, levels, lambda state: state.energy)
        end = search.state
        return MatchingResult(
            maps=permutation_maps(end.best.state),
            is_permutation=True,
            layers=layer_report(METRIC, problem, end.best.state),
            status=LOCAL,
            sentence=f"the best of {steps:,} moves from the start, of which {end.n_taken:,} were taken",
            objective=search.objective,
            statistics={"loss_at_start": energy, "loss": end.best.score, "share_taken": end.n_taken / steps if steps else 0.0},
        )


@dataclass(frozen=True)
class _State:
    """The orders of B's neurons, the midpoint's tensors and loss, and the best so far."""

    orders: dict[str, np.ndarray]
    weights: dict[str, Tensor]
    energy: float
    best: Best[dict[str, np.ndarray]]
    n_taken: int = 0
    level: int = 0


class _Moves:
    """Random swaps of two neurons of one group; only the tensors that have the group are averaged again."""

    def __init__(self, problem: MatchingProblem, midpoint: Midpoint) -> None:
        self._midpoint = midpoint
        self._draw: Any = problem.generator
        self.groups = [group for group, size in problem.sizes.items() if size > 1]
        self._names = {group: midpoint.names(group) for group in self.groups}

    def propose(self, state: _State) -> _State:
        """Return the state after a random swap."""
        group = self.groups[self._draw.integers(len(self.groups))]
        order = state.orders[group].copy()
        i, j = self._draw.choice(len(order), 2, replace=False)
        order[i], order[j] = order[j], order[i]
        orders = {**state.orders, group: order}
        weights = {**state.weights, **self._midpoint.weights(orders, self._names[group])}
        return replace(state, orders=orders, weights=weights, energy=self._midpoint.loss(weights))

    def step(self, state: _State, temperature: float) -> _State:
        """Return the state after a random swap, if it is taken."""
        proposal = self.propose(state)
        if proposal.energy > state.energy:
            rise = proposal.energy - state.energy
            if temperature == 0 or self._draw.random() >= math.exp(-rise / temperature):
                return state
        return replace(proposal, n_taken=state.n_taken + 1, best=state.best.or_better(proposal.orders, proposal.energy))

    def spread(self, state: _State) -> float:
        """Return the standard deviation of the energy over random swaps; 0 where it is not finite."""
        energies = [self.propose(state).energy for _ in range(TRIALS)]
        return float(np.std(energies)) if np.isfinite(energies).all() else 0.0
