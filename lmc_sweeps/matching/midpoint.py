"""The network halfway between A and B, for methods that search with its training loss."""

from collections.abc import Collection, Mapping

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.matching.problem import Loss, Maps, MatchingProblem, Permutations


class Midpoint:
    r"""The midpoint :math:`\frac{1}{2} (\theta_A + P \theta_B)` of A and of B in any order, and its loss on a fixed batch.

    Parameters
    ----------
    problem : MatchingProblem
        Whose weights, loss and generator are shown.
    most_examples : int
        The batch is drawn from the training set, once and without replacement; all of it where it has no more examples.
    """

    def __init__(self, problem: MatchingProblem, most_examples: int) -> None:
        self._graph = problem.graph
        self._a, self._b = ({name: torch.as_tensor(array) for name, array in view.weights.items()} for view in (problem.a, problem.b))
        self.training_loss: Loss = problem.loss  # type: ignore[assignment]  # as `needs` lists it
        self._batch = self.training_loss.on(draw_examples(problem, most_examples))

    def weights(self, maps: Permutations | Maps, names: Collection[str] | None = None) -> dict[str, Tensor]:
        """Return the tensors of the midpoint for maps of B's neurons; with `names`, these tensors alone."""
        moved = self._graph.apply(self._b if names is None else {name: self._b[name] for name in names}, maps)
        return {name: (self._a[name] + tensor) / 2 for name, tensor in moved.items()}

    def names(self, group: str) -> list[str]:
        """Return the tensors that an order of a group moves."""
        holders = {name for name, _ in self._graph.holders(group)}
        return [name for name in self._b if self._graph.tied.get(name, name) in holders]

    def loss(self, weights: Mapping[str, Tensor]) -> float:
        """Return the mean loss of a network on the fixed batch; infinity where it is not finite."""
        value = self._batch.loss(weights)
        return value if np.isfinite(value) else float("inf")


def draw_examples(problem: MatchingProblem, most: int) -> np.ndarray | None:
    """Return the numbers of at most so many training examples, drawn without replacement; None stands for all."""
    n: int = problem.loss.n_examples  # type: ignore[union-attr]
    return None if n <= most else np.sort(problem.generator.choice(n, most, replace=False))  # type: ignore[union-attr]
