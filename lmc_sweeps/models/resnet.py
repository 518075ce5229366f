"""`resnet`: the residual networks of He et al. for small images; ResNet-20 is one of them."""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps.common import checks
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.convolutional import Convolutional

FACTORS = (1, 2, 4)  # channels of the three stages, in multiples of `width`
LEAST_PIXELS = 4  # two stages begin by halving the image


class Block(nn.Module):
    r"""Two convolutions, and a shortcut past them.

    .. math:: y = \mathrm{relu}(N_2 W_2\, \mathrm{relu}(N_1 W_1 x) + S x)

    where S is the identity, or, where size or channels change, a 1 x 1 convolution with its norm: option B of He et al., and what the
    literature of linear mode connectivity has. (Of option A, padding with zeros, the channels of a stage would be cut into those that
    are handed on and those that begin, which cannot be exchanged.)
    """

    def __init__(self, model: Convolutional, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.one, self.two = model.convolution(channels_in, channels_out, stride=stride), model.convolution(channels_out, channels_out)
        changes = stride > 1 or channels_in != channels_out
        self.shortcut = model.convolution(channels_in, channels_out, kernel=1, stride=stride) if changes else nn.Identity()
        if model.norm == "none":
            nn.init.zeros_(self.two.layer.weight)  # so that the sum of the blocks does not grow with their number

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.two(F.relu(self.one(x))) + self.shortcut(x))


class ResidualNetwork(nn.Module):
    """A convolution, three stages of blocks, the mean over positions, a linear layer."""

    def __init__(self, model: Convolutional, blocks: int, shape: Shape) -> None:
        super().__init__()
        self.stem, channels = model.convolution(shape.inputs[0], shape.width), shape.width
        self.stages = nn.ModuleList()
        for stage, factor in enumerate(FACTORS):
            sizes = [channels, *[factor * shape.width] * blocks]
            strides = [1 if stage == 0 else 2, *[1] * (blocks - 1)]
            self.stages.append(nn.Sequential(*(Block(model, sizes[k], sizes[k + 1], strides[k]) for k in range(blocks))))
            channels = factor * shape.width
        self.head = nn.Linear(channels, shape.classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        for stage in self.stages:
            x = stage(x)
        return self.head(x.mean((2, 3)))


@dataclass(frozen=True, kw_only=True)
class Resnet(Convolutional):
    r"""Settings of a residual network of three stages, with :math:`6 k + 2` layers for k blocks in each.

    `width` is the number of channels of the first stage, 16 in the paper; the others have 2 and 4 times as many. `depth` multiplies the
    blocks of each stage as `width` does their channels: k = `blocks` · `depth`. So with three blocks, depths 1, 2 and 3 are ResNet-20,
    ResNet-38 and ResNet-56.

    Without norms the last convolution of every block begins at 0.

    Parameters
    ----------
    blocks : int
        Blocks of each stage at depth 1.

    References
    ----------
    He et al. 2016, section 4.2; without norms, Zhang et al. 2019 (Fixup).
    """

    name: ClassVar[str] = "resnet"
    blocks: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.integer("model.blocks", self.blocks)

    def least_pixels(self, shape: Shape) -> int:
        return LEAST_PIXELS

    def module(self, shape: Shape) -> nn.Module:
        return ResidualNetwork(self, self.blocks * shape.depth, shape)
