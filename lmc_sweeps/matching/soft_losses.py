"""Losses of B under soft permutations, with their gradients: its distance from A, and the training loss halfway between the two."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.matching.all_weights import squared_distance
from lmc_sweeps.matching.midpoint import Midpoint, draw_examples
from lmc_sweeps.matching.problem import MatchingProblem, Permutations
from lmc_sweeps.matching.tensor_maps import TensorMap

SoftPermutations = Mapping[str, np.ndarray]  # by group, (n, n), rows A's neurons and columns B's


class SoftLoss(ABC):
    """A function of soft permutations, and of the permutations that they become; networks are mapped in the type given."""

    def __init__(self, problem: MatchingProblem, dtype: torch.dtype = torch.float64) -> None:
        self.problem, self.dtype = problem, dtype
        self.a, self.b = (
            {name: torch.as_tensor(array).to(dtype) for name, array in view.weights.items()} for view in (problem.a, problem.b)
        )

    def value_and_gradient(self, maps: SoftPermutations) -> tuple[float, dict[str, np.ndarray]]:
        r"""Return the loss L and :math:`\partial L / \partial P_l` of every group, (n, n)."""
        leaves = {group: torch.from_numpy(matrix).to(self.dtype).requires_grad_() for group, matrix in maps.items()}
        with torch.enable_grad():
            moved = self.problem.graph.apply(self.b, {group: TensorMap(leaf) for group, leaf in leaves.items()})
        value, by_tensor = self.at_moved({name: tensor.detach() for name, tensor in moved.items()})
        names = [name for name in by_tensor if moved[name].requires_grad]
        torch.autograd.backward([moved[name] for name in names], [by_tensor[name] for name in names])
        zeros = (torch.zeros_like(leaf) for leaf in leaves.values())
        grads = (zero if leaf.grad is None else leaf.grad for leaf, zero in zip(leaves.values(), zeros, strict=True))
        return value, {group: grad.double().numpy() for group, grad in zip(leaves, grads, strict=True)}

    @abstractmethod
    def at_moved(self, moved: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        """Return the loss as a function of B's mapped tensors, and its gradient by tensor."""

    @abstractmethod
    def of_orders(self, orders: Permutations) -> float:
        """Return the loss of permutations, the same for the same permutations."""


class DistanceLoss(SoftLoss):
    r"""The squared distance :math:`\|\theta_A - P \theta_B\|^2` over parameters."""

    def at_moved(self, moved: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        differences = {name: moved[name] - self.a[name] for name in moved if name not in self.problem.graph.buffers}
        return sum(float((each**2).sum()) for each in differences.values()), {name: 2 * each for name, each in differences.items()}

    def of_orders(self, orders: Permutations) -> float:
        return squared_distance(self.problem, orders)


class MidpointLoss(SoftLoss):
    r"""The training loss :math:`L(\frac12 (\theta_A + P \theta_B))`: of soft permutations on minibatches, of permutations on one batch.

    Statistics of batch norms are means of both networks', and have no gradient.

    Parameters
    ----------
    problem : MatchingProblem
    batch_size : int
        Examples of a minibatch, drawn for every value.
    most_examples : int
        Of the batch for permutations, drawn once; all, if there are no more.
    """

    def __init__(self, problem: MatchingProblem, batch_size: int, most_examples: int) -> None:
        super().__init__(problem, problem.loss.dtype)  # type: ignore[union-attr]  # more digits would be lost in the loss
        self._batch_size, self._midpoint = batch_size, Midpoint(problem, most_examples)

    def at_moved(self, moved: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        halfway = {name: (self.a[name] + tensor) / 2 for name, tensor in moved.items()}
        examples = draw_examples(self.problem, self._batch_size)
        value, gradient = self._midpoint.training_loss.value_and_gradient(halfway, examples)
        names = [name for name in gradient if name not in self.problem.graph.buffers]
        return value, {name: torch.from_numpy(gradient[name]).to(self.dtype) / 2 for name in names}

    def of_orders(self, orders: Permutations) -> float:
        return self._midpoint.loss(self._midpoint.weights(orders))
