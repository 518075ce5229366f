"""The shape of a network: what the data and the sweep decide of it, whatever the model."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    r"""What a network of a sweep takes, how large it is, and what it tells apart.

    Parameters
    ----------
    inputs : tuple of int
        The shape of one example: ``(d,)`` for a vector of d numbers, ``(c, h, w)`` for an image of c channels.
    width : int
        Neurons of a hidden layer.
    depth : int
        Hidden layers; of a residual network, its blocks.
    classes : int
        The number of outputs.
    """

    inputs: tuple[int, ...]
    width: int
    depth: int
    classes: int

    @property
    def n_inputs(self) -> int:
        r"""The numbers in one example, :math:`\prod_k \mathrm{inputs}_k`: the inputs of a network that sees it as one vector."""
        return math.prod(self.inputs)
