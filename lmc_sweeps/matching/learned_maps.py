"""`learned_maps`: permutations and orthogonal maps that follow the gradient of the training loss near the middle of the line."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common import checks
from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.matching.base import Matching
from lmc_sweeps.matching.iteration import Best, iterate
from lmc_sweeps.matching.midpoint import Midpoint, draw_examples
from lmc_sweeps.matching.problem import LOCAL, MatchingProblem, MatchingResult
from lmc_sweeps.matching.procrustes import Procrustes, richer_report, searched
from lmc_sweeps.matching.richer import Search, Values
from lmc_sweeps.matching.sinkhorn import best_order
from lmc_sweeps.matching.soft_maps import matrix
from lmc_sweeps.matching.tensor_maps import TensorMap
from lmc_sweeps.maths.orthogonal import across_ones, procrustes
from lmc_sweeps.symmetry.linear_form import LinearGroup

MOST_EXAMPLES = 5000  # of the batch on which maps are scored
NEAR_THE_MIDDLE = (0.4, 0.6)  # t of a step is drawn between
METRIC = Procrustes()


@dataclass(frozen=True, kw_only=True)
class LearnedMaps(Matching):
    r"""Move all maps at once so that the training loss on the line between the networks falls.

    .. math:: \min_Q \mathbb E_{t \sim U(0.4,\, 0.6)}\, L\big((1 - t)\,\theta_A + t\, Q \theta_B\big)

    over what `procrustes` searches: networks in linear form, orthogonal maps of the groups that are coordinates, permutations of others. It
    begins where `procrustes` ends. An orthogonal map is :math:`Q = Q_0 \exp(S - S^\top)`, S a matrix from 0 on (on the space across the
    vector of ones where that must stay); a permutation is that with the largest sum of entries of a matrix Z, from :math:`P_0` on, which
    gets the gradient of the loss by P as if it were P (straight through). Adam follows the gradient at one t and one minibatch a step.
    Ten times, after as many steps each, the maps are scored by the loss at the midpoint on one batch of 5,000 training examples (all, if
    there are no more), and the best count, the start included: so the score never is above that of `procrustes`.

    The result's objective is the score of the start and after every tenth of the steps; its statistics have the best score and its step.

    References
    ----------
    Theus et al. 2025, arXiv 2506.22712, algorithm 1, which takes the orthogonal factor of a matrix in place of an exponential.
    """

    name: ClassVar[str] = "learned_maps"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "loss", "generator"})
    folds: ClassVar[bool] = True
    steps: int = 300
    batch_size: int = 128
    learning_rate: float = 0.003

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.integer("matching.learned_maps.steps", self.steps, least=0)
        checks.integer("matching.learned_maps.batch_size", self.batch_size)
        checks.number("matching.learned_maps.learning_rate", self.learning_rate, least=0, below=1e6)

    @one_thread()
    def __call__(self, problem: MatchingProblem) -> MatchingResult:
        """Return the best maps of all that were scored."""
        search, midpoint = Search(problem), Midpoint(problem, MOST_EXAMPLES)
        start = searched(search).state
        learner, score = _Learner(search, start, self), midpoint.loss(midpoint.weights(search.maps(start)))
        rounds = min(10, self.steps)
        first = _State(score=score, best=Best(start, score))

        def scored(state: _State) -> _State:
            step = (state.round + 1) * self.steps // rounds
            learner.follow(midpoint, step - state.step)
            values = learner.values()
            score = midpoint.loss(midpoint.weights(search.maps(values)))
            return replace(state, round=state.round + 1, step=step, score=score, best=state.best.or_better(values, score, step))

        ended = iterate(first, scored, lambda before, after: False, rounds, lambda state: state.score)
        best = ended.state.best
        return MatchingResult(
            maps=search.maps(best.state),
            is_permutation=True,
            layers=richer_report(METRIC, search, best.state),
            status=LOCAL,
            sentence=f"the best of step {best.step} of {self.steps}",
            objective=(score, *ended.objective),
            statistics={"loss": best.score, "best_step": best.step},
        )


@dataclass(frozen=True, kw_only=True)
class _State:
    """The score of the maps that were scored last, and the best so far."""

    score: float
    best: Best[Values]
    step: int = 0
    round: int = 0


class _Learner:
    """The numbers that maps are made of, and the optimiser that moves them."""

    def __init__(self, search: Search, start: Values, settings: LearnedMaps) -> None:
        self._problem, self._start, self._settings = search.problem, start, settings
        linear, dtype = search.problem.linear, search.problem.loss.dtype  # type: ignore[union-attr]  # as `needs` lists it
        self._bases = {group: torch.from_numpy(across_ones(each.size)).to(dtype) for group, each in linear.items() if each.keeps_ones}
        self._latent = {
            group: torch.from_numpy(_zeros(linear[group]) if group in linear else matrix(array)).to(dtype).requires_grad_()
            for group, array in start.items()
        }
        self._a, self._b = (
            {name: torch.as_tensor(array).to(dtype) for name, array in view.weights.items()}
            for view in (search.problem.a, search.problem.b)
        )
        self._adam = torch.optim.Adam(self._latent.values(), lr=settings.learning_rate)

    def follow(self, midpoint: Midpoint, steps: int) -> None:
        """Take steps along the gradient; one that is not finite is left out."""
        draw: np.random.Generator = self._problem.generator  # type: ignore[assignment]  # as `needs` lists it
        for _ in range(steps):
            t = draw.uniform(*NEAR_THE_MIDDLE)
            with torch.enable_grad():
                moved = self._problem.graph.apply(self._b, {group: TensorMap(self._map(group)) for group in self._latent})
            between = {name: torch.lerp(self._a[name], tensor.detach(), t) for name, tensor in moved.items()}
            _, gradient = midpoint.training_loss.value_and_gradient(between, draw_examples(self._problem, self._settings.batch_size))
            names = [name for name, tensor in moved.items() if tensor.requires_grad and name not in self._problem.graph.buffers]
            if all(np.isfinite(gradient[name]).all() for name in names):
                self._adam.zero_grad()
                torch.autograd.backward(
                    [moved[name] for name in names], [torch.from_numpy(gradient[name]).to(moved[name]) * t for name in names]
                )
                self._adam.step()

    def values(self) -> dict[str, np.ndarray]:
        """Return the maps as they are."""
        linear = self._problem.linear
        with torch.no_grad():
            return {
                group: procrustes(self._map(group).double().numpy(), keeps_ones=linear[group].keeps_ones)  # of rounding in float32
                if group in linear
                else best_order(latent.numpy())
                for group, latent in self._latent.items()
            }

    def _map(self, group: str) -> Tensor:
        """Return the matrix of a map as a function of the numbers that it is made of."""
        latent = self._latent[group]
        if group not in self._problem.linear:
            hard = torch.from_numpy(matrix(best_order(latent.detach().numpy()))).to(latent)
            return hard + latent - latent.detach()
        turn = torch.matrix_exp(latent - latent.mT)
        if (basis := self._bases.get(group)) is not None:
            turn = basis @ turn @ basis.T + torch.full((len(basis), len(basis)), 1 / len(basis)).to(latent)
        return torch.from_numpy(self._start[group]).to(latent) @ turn


def _zeros(group: LinearGroup) -> np.ndarray:
    """Return the numbers S of orthogonal maps that are still those of the start."""
    return np.zeros((group.size - 1,) * 2) if group.keeps_ones else np.zeros_like(group.identity())
