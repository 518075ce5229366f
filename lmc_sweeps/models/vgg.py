"""`vgg`: VGG networks with one linear layer, as on CIFAR-10 in the literature of linear mode connectivity."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from lmc_sweeps.common import checks
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.convolutional import Convolutional, ConvolutionalChain, least_pixels

# Channels of the convolutions of each stage, in multiples of `width`, by the number of layers (Simonyan and Zisserman 2015, A and D).
STAGES = {
    11: ((1,), (2,), (4, 4), (8, 8), (8, 8)),
    16: ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8)),
}


@dataclass(frozen=True, kw_only=True)
class Vgg(Convolutional):
    """Settings of a VGG network: 3 x 3 convolutions in five stages, each ended by pooling; the mean over positions; one linear layer.

    `width` is the number of channels of the first stage, 64 in the papers; later stages have 2, 4, 8 and 8 times as many. `depth` is 1:
    the variant says how many layers there are.

    Parameters
    ----------
    variant : int
        Layers with weights, 11 or 16; of them one is linear here, so that there are 9 or 14.

    References
    ----------
    Simonyan and Zisserman 2015; with one linear layer, Ainsworth et al. 2022 and Jordan et al. 2023.
    """

    name: ClassVar[str] = "vgg"
    variant: int = 11

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.variant, int) or self.variant not in STAGES:
            raise checks.InputError(f"`model.variant` must be one of {', '.join(map(str, STAGES))}, got {self.variant!r}.")

    def check_shape(self, shape: Shape) -> None:
        super().check_shape(shape)
        if shape.depth != 1:
            raise checks.InputError(f"`depth` must be 1 for model=vgg, whose layers `model.variant` counts, got {shape.depth}.")

    def least_pixels(self, shape: Shape) -> int:
        return least_pixels(len(STAGES[self.variant]))

    def module(self, shape: Shape) -> nn.Module:
        channels, stages = shape.inputs[0], []
        for factors in STAGES[self.variant]:
            layers = []
            for factor in factors:
                layers.append(self.convolution(channels, factor * shape.width))
                channels = factor * shape.width
            stages.append(layers)
        return ConvolutionalChain(stages, nn.Linear(channels, shape.classes), is_flat=False)
