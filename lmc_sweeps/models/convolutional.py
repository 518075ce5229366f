"""What the convolutional models have in common: norms of channels, convolutions, and chains of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import IMAGES
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.images import check_images
from lmc_sweeps.models.traced import TracedModel

NORMS = ("batch", "layer", "group", "none")


class ChannelNorm(nn.LayerNorm):
    r"""Layer norm of the channels at every position by itself, as Git Re-Basin and REPAIR have it.

    .. math:: y_{chw} = \gamma_c\, \frac{x_{chw} - \mu_{hw}}{\sqrt{\sigma_{hw}^2 + \epsilon}} + \delta_c

    with mean and variance over c. (A group norm of one group is another layer: its mean is over positions too.)
    """

    def forward(self, x: Tensor) -> Tensor:
        # PyTorch's layer norm takes a row at a time, and these have as few entries as there are channels. A batch norm is the same mean and
        # variance for many columns at once: channels are its examples, positions its channels. A step of a ResNet-20 of width 2 or 4 takes
        # about three quarters of the time.
        examples, channels, height, width = x.shape
        columns = x.transpose(0, 1).reshape(channels, -1)
        normalised = torch.batch_norm(columns, None, None, None, None, True, 0.0, self.eps, False)  # not F's, which refuses one channel
        scaled = torch.addcmul(self.bias.unsqueeze(1), normalised, self.weight.unsqueeze(1))
        # In the usual order of memory: of fewer than 8 channels in the other, the weights' gradient of a 1 x 1 convolution with a stride
        # is written beyond its memory (PyTorch 2.13 on a CPU with oneDNN), and the process ends with "malloc(): corrupted".
        return scaled.view(channels, examples, height, width).transpose(0, 1).contiguous()


@dataclass(frozen=True, kw_only=True)
class Convolutional(TracedModel):
    """Settings of a convolutional model.

    Parameters
    ----------
    norm : str
        What follows every convolution: ``batch``; ``layer``, of the channels at each position; ``group``; or ``none``.
    norm_groups : int
        Of ``norm=group``: the channels are normalised in so many groups.
    """

    takes: ClassVar[tuple[str, ...]] = (IMAGES,)
    norm: str = "batch"
    norm_groups: int = 4

    def __post_init__(self) -> None:
        checks.one_of("model.norm", self.norm, NORMS)
        checks.integer("model.norm_groups", self.norm_groups)

    def check_shape(self, shape: Shape) -> None:
        check_images(self.name, shape, self.least_pixels(shape))
        if self.norm == "group" and shape.width % self.norm_groups:
            raise checks.InputError(
                f"`width` must be a multiple of `model.norm_groups` ({self.norm_groups}) for model.norm=group, got {shape.width}."
            )

    def least_pixels(self, shape: Shape) -> int:
        """Return the least height and width of an image."""
        return 1

    def convolution(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> "Convolution":
        """Return a convolution with its norm."""
        norms: dict[str, Callable[[], nn.Module]] = {
            "batch": lambda: nn.BatchNorm2d(channels_out),
            "layer": lambda: ChannelNorm(channels_out),
            "group": lambda: nn.GroupNorm(self.norm_groups, channels_out),
            "none": nn.Identity,
        }
        has_bias = self.norm != "batch"  # which takes it away again
        return Convolution(nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=has_bias), norms[self.norm]())


class Convolution(nn.Module):
    """A convolution and its norm; weights are normal with variance 2 / fan-in, biases 0 (He et al. 2015)."""

    def __init__(self, layer: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__()
        self.layer, self.norm = layer, norm
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layer(x))


class ConvolutionalChain(nn.Module):
    """Stages of convolutions with relu, each ended by 2 x 2 max pooling, and one linear layer.

    A side of odd length keeps its last pixel in a pooling of its own: so images of 28 pixels go through five poolings, as those of 32 do.

    Parameters
    ----------
    stages : sequence of sequences of nn.Module
        The convolutions, with their norms.
    head : nn.Linear
        Reads all channels at all positions, or the mean over positions.
    is_flat : bool
        Which of both.
    """

    def __init__(self, stages: Sequence[Sequence[nn.Module]], head: nn.Linear, is_flat: bool) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nn.ModuleList(stage) for stage in stages)
        self.head, self.is_flat = head, is_flat

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            for layer in stage.children():
                x = F.relu(layer(x))
            x = F.max_pool2d(x, 2, ceil_mode=True)
        return self.head(x.flatten(1) if self.is_flat else x.mean((2, 3)))


def least_pixels(poolings: int) -> int:
    """Return the smallest side of an image of which every pooling takes two pixels together."""
    return 2 ** (poolings - 1) + 1


def pooled(pixels: int, poolings: int) -> int:
    """Return what poolings leave of a side."""
    return -(-pixels // 2**poolings)
