"""The training loss as a function of weights, for methods that search with it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.common.threads import one_thread
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.models.base import Architecture


@dataclass(frozen=True)
class TrainingLoss:
    """The mean loss of one network over training examples, with its gradient.

    Parameters
    ----------
    architecture : Architecture
    like : mapping of str to Tensor
        A network whose tensors have the types and devices in which losses are computed.
    train : Split
    batch_size : int
        Number of examples evaluated at once.
    """

    architecture: Architecture
    like: Mapping[str, Tensor]
    train: Split
    batch_size: int = 2000

    @property
    def n_examples(self) -> int:
        """The number of examples in the training set."""
        return len(self.train.labels)

    @property
    def dtype(self) -> torch.dtype:
        """The type in which losses are computed: the widest of the network's tensors."""
        return reduce(torch.promote_types, (tensor.dtype for tensor in self.like.values()))

    def on(self, examples: np.ndarray | None) -> "TrainingLoss":
        """Return the loss on the examples of these numbers alone, which are copied once; with None this loss."""
        return replace(self, train=self._split(examples))

    def loss(self, weights: Mapping[str, Any], examples: np.ndarray | None = None) -> float:
        """Return the mean loss of a network on the examples of these numbers, on all without them."""
        return float(evaluate(self.architecture, self._stack(weights), self._split(examples), self.batch_size).loss[0])

    @one_thread()
    def value_and_gradient(self, weights: Mapping[str, Any], examples: np.ndarray | None = None) -> tuple[float, dict[str, np.ndarray]]:
        """Return the mean loss and its gradient by tensor, in float64."""
        stack, split, criterion = self._stack(weights), self._split(examples), self.architecture.criterion
        out = {name: torch.zeros_like(tensor) for name, tensor in stack.items()}
        sums = {name: torch.zeros_like(tensor[0], dtype=torch.float64) for name, tensor in out.items()}
        count = criterion.count(split.labels)
        value = 0.0 if count else math.nan
        for inputs, labels in zip(split.inputs.split(self.batch_size), split.labels.split(self.batch_size), strict=True):
            if not criterion.count(labels):  # all are left out
                continue
            losses: list[float] = []

            def at_outputs(outputs: Tensor, labels: Tensor = labels, losses: list[float] = losses) -> Tensor:
                losses.append(float(criterion.loss(outputs, labels).double().sum()))
                return criterion.gradient(outputs, labels)

            self.architecture.gradients(stack, inputs.unsqueeze(0), at_outputs, out)
            value += losses[0] / count
            for name, gradient in out.items():
                sums[name] = sums[name] + criterion.count(labels) / count * gradient[0].double()
        return value, {name: gradient.cpu().numpy() for name, gradient in sums.items()}

    def _stack(self, weights: Mapping[str, Any]) -> dict[str, Tensor]:
        return {name: torch.as_tensor(weights[name]).to(tensor).unsqueeze(0) for name, tensor in self.like.items()}

    def _split(self, examples: np.ndarray | None) -> Split:
        if examples is None:
            return self.train
        chosen = torch.as_tensor(examples, device=self.train.inputs.device)
        return Split(self.train.inputs[chosen], self.train.labels[chosen])
