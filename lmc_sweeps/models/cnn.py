"""`cnn`: the plain convolutional network, `depth` convolutions of `width` channels, each with pooling."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from lmc_sweeps.common import checks
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.convolutional import Convolutional, ConvolutionalChain, least_pixels, pooled

READS = ("flatten", "mean")


@dataclass(frozen=True, kw_only=True)
class Cnn(Convolutional):
    """Settings of a plain convolutional network: `depth` times convolution, norm, relu and 2 x 2 max pooling; then one linear layer.

    Parameters
    ----------
    kernel : int
        Height and width of the kernels, odd.
    pooling : str
        What the linear layer reads: ``flatten``, all channels at all positions; ``mean``, their means over positions.
    """

    name: ClassVar[str] = "cnn"
    kernel: int = 3
    pooling: str = "flatten"

    def __post_init__(self) -> None:
        super().__post_init__()
        if checks.integer("model.kernel", self.kernel) % 2 == 0:
            raise checks.InputError(f"`model.kernel` must be odd, so that images keep their size, got {self.kernel}.")
        checks.one_of("model.pooling", self.pooling, READS)

    def least_pixels(self, shape: Shape) -> int:
        return least_pixels(shape.depth)

    def module(self, shape: Shape) -> nn.Module:
        channels, height, width = shape.inputs
        sizes = [channels, *[shape.width] * shape.depth]
        stages = [[self.convolution(sizes[k], sizes[k + 1], self.kernel)] for k in range(shape.depth)]
        positions = pooled(height, shape.depth) * pooled(width, shape.depth) if self.pooling == "flatten" else 1
        return ConvolutionalChain(stages, nn.Linear(shape.width * positions, shape.classes), self.pooling == "flatten")
