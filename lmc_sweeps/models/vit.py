"""`vit`: the vision transformer, which reads an image as a sequence of patches."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import IMAGES
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.images import check_images
from lmc_sweeps.models.transformer import EMBEDDING_STD, Transformer

READS = ("mean", "token")


class VisionTransformer(nn.Module):
    """Patches, learned positions, blocks, a norm, and a linear layer on the mean over positions or on the class token."""

    def __init__(self, model: "Vit", shape: Shape) -> None:
        super().__init__()
        channels, height, width = shape.inputs
        positions = (height // model.patch) * (width // model.patch) + (model.pooling == "token")
        self.patches = nn.Conv2d(channels, shape.width, model.patch, model.patch)
        self.token = nn.Parameter(EMBEDDING_STD * torch.randn(shape.width)) if model.pooling == "token" else None
        self.positions = nn.Parameter(EMBEDDING_STD * torch.randn(positions, shape.width))
        self.blocks, self.norm = model.blocks(shape, causal=False), model.last_norm(shape)
        self.head = nn.Linear(shape.width, shape.classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)  # (n, width, rows, columns) -> (n, positions, width)
        if self.token is not None:
            x = torch.cat([self.token.expand(len(x), 1, -1), x], 1)
        x = self.norm(self.blocks(x + self.positions))
        return self.head(x.mean(1) if self.token is None else x[:, 0])


@dataclass(frozen=True, kw_only=True)
class Vit(Transformer):
    """Settings of a vision transformer (pre-norm, learned positions).

    Parameters
    ----------
    patch : int
        Pixels on a side of a patch; must divide those of an image.
    pooling : str
        What the last layer reads: the ``mean`` over positions, or a class ``token`` before the patches.

    References
    ----------
    Dosovitskiy et al. 2021; the mean over positions, Beyer et al. 2022; hidden neurons twice the width, Theus et al. 2025.
    """

    name: ClassVar[str] = "vit"
    takes: ClassVar[tuple[str, ...]] = (IMAGES,)
    mlp_ratio: int = 2
    patch: int = 4
    pooling: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.integer("model.patch", self.patch)
        checks.one_of("model.pooling", self.pooling, READS)

    def check_shape(self, shape: Shape) -> None:
        check_images(self.name, shape, least=self.patch)
        _, height, width = shape.inputs
        if height % self.patch or width % self.patch:
            raise checks.InputError(f"`model.patch` must divide the sides of an image, {height} x {width} pixels, got {self.patch}.")
        super().check_shape(shape)

    def module(self, shape: Shape) -> nn.Module:
        return VisionTransformer(self, shape)
