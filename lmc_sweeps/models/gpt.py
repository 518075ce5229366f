"""`gpt`: the decoder, which predicts each token from those before it."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import TOKENS
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.transformer import EMBEDDING_STD, Transformer


class Decoder(nn.Module):
    """Embeddings, learned positions, causal blocks, a norm, and a linear layer of its own (not the embedding again)."""

    def __init__(self, model: "Gpt", shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.classes, shape.width)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        self.positions = nn.Parameter(EMBEDDING_STD * torch.randn(shape.inputs[0], shape.width))
        self.blocks, self.norm = model.blocks(shape, causal=True), model.last_norm(shape)
        self.head = nn.Linear(shape.width, shape.classes)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.embedding(tokens) + self.positions)))


@dataclass(frozen=True, kw_only=True)
class Gpt(Transformer):
    """Settings of a decoder (pre-norm, learned positions) over as many tokens as the data have classes; its context is an example.

    References
    ----------
    Radford et al. 2019 (GPT-2).
    """

    name: ClassVar[str] = "gpt"
    takes: ClassVar[tuple[str, ...]] = (TOKENS,)

    def check_shape(self, shape: Shape) -> None:
        if len(shape.inputs) != 1:
            raise InputError(f"`dataset` must have sequences of token ids for model=gpt; an example has the shape {shape.inputs}.")
        super().check_shape(shape)

    def module(self, shape: Shape) -> nn.Module:
        return Decoder(self, shape)
