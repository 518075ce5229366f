"""What every model is: settings that give networks of any shape; and all that the file of a model needs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.datasets.base import IMAGES, VECTORS
from lmc_sweeps.models.architecture import Architecture, sources_of
from lmc_sweeps.models.counts import Counts
from lmc_sweeps.models.shape import Shape
from lmc_sweeps.models.stack import line_by, stacked, unstack
from lmc_sweeps.symmetry.axes import INPUT

__all__ = ["INPUT", "Architecture", "Counts", "Model", "Shape", "line_by", "sources_of", "stacked", "unstack"]


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """The settings of a model that a sweep can vary in width and depth.

    `takes` are the kinds of examples that its networks take, of `lmc_sweeps.datasets.base.KINDS`.
    """

    name: ClassVar[str]
    takes: ClassVar[tuple[str, ...]] = (VECTORS, IMAGES)

    def check_shape(self, shape: Shape) -> None:  # noqa: B027
        """Raise `InputError` where the settings do not fit the shape of the network."""

    @abstractmethod
    def architecture(self, shape: Shape) -> Architecture:
        """Return the mathematics of a network of this shape."""

    @abstractmethod
    def initial(self, shape: Shape, rng: np.random.Generator) -> dict[str, Tensor]:
        """Return the initial parameters of one network of this shape, float32."""

    def tensor_sizes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """Return the sizes of the tensors of `initial`, in its order: here of one that is drawn; a model may know them without."""
        return {name: tuple(tensor.shape) for name, tensor in self.initial(shape, generator(0, "template")).items()}

    def counts(self, shape: Shape) -> Counts:
        """Return the parameters, activations and operations of one network (`Architecture.counts`)."""
        return self.architecture(shape).counts(shape, self.tensor_sizes(shape))
