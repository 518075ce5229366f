"""The shape of a network: what the data and the sweep decide of it, whatever the model."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmc_sweeps.datasets.base import TOKENS


@dataclass(frozen=True)
class Shape:
    r"""What a network of a sweep takes, how large it is, and what it tells apart.

    Parameters
    ----------
    inputs : tuple of int
        The shape of one example: ``(d,)`` for a vector of d numbers, ``(c, h, w)`` for an image of c channels, ``(positions,)`` for
        tokens.
    width : int
        Neurons of a hidden layer; channels, or entries of a stream, as a model says.
    depth : int
        Hidden layers; of a residual network, its blocks.
    classes : int
        The number of outputs; of tokens, the vocabulary.
    """

    inputs: tuple[int, ...]
    width: int
    depth: int
    classes: int

    @property
    def n_inputs(self) -> int:
        r"""The numbers in one example, :math:`\prod_k \mathrm{inputs}_k`: the inputs of a network that sees it as one vector."""
        return math.prod(self.inputs)

    def examples(self, count: int, kind: str, rng: np.random.Generator) -> Tensor:
        """Return examples drawn at random, shape (count, *inputs): numbers in float32, of the kind ``tokens`` their ids in int64."""
        size = (count, *self.inputs)
        return torch.from_numpy(rng.integers(self.classes, size=size) if kind == TOKENS else rng.standard_normal(size).astype(np.float32))
