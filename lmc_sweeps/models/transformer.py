"""What the transformers have in common: attention, pre-norm blocks, and their settings."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps.common import checks
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.traced import TracedModel

NORMS = {"layer": nn.LayerNorm, "rms": nn.RMSNorm, "none": nn.Identity}
EMBEDDING_STD = 0.02  # of embeddings and positions at the start (Radford et al. 2019)


class Attention(nn.Module):
    r"""Attention of h heads of D / h entries each.

    .. math:: y = W_o\, \mathrm{concat}_i\, \mathrm{softmax}\big(Q_i K_i^\top / \sqrt{D / h}\big)\, V_i

    With `causal`, a position sees itself and those before it.
    """

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)  # (n, heads, positions, D / heads)
        return self.output(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a layer of hidden neurons, each added to the stream of what it reads, after a norm (pre-norm)."""

    def __init__(self, model: "Transformer", width: int, causal: bool) -> None:
        super().__init__()
        self.norm_1, self.attention = NORMS[model.norm](width), Attention(width, model.heads, causal)
        self.norm_2, self.hidden = NORMS[model.norm](width), nn.Linear(width, model.mlp_ratio * width)
        self.output = nn.Linear(model.mlp_ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_1(x))
        return x + self.output(F.gelu(self.hidden(self.norm_2(x))))


@dataclass(frozen=True, kw_only=True)
class Transformer(TracedModel):
    """Settings of a transformer of `depth` blocks on a residual stream of `width` entries.

    Parameters
    ----------
    heads : int
        Of each block's attention; must divide `width`.
    mlp_ratio : int
        Hidden neurons of a block, in multiples of `width`.
    norm : str
        Before attention and hidden neurons, and at the end: ``layer``, ``rms`` or ``none``.
    """

    heads: int = 4
    mlp_ratio: int = 4
    norm: str = "layer"

    def __post_init__(self) -> None:
        checks.integer("model.heads", self.heads)
        checks.integer("model.mlp_ratio", self.mlp_ratio)
        checks.one_of("model.norm", self.norm, NORMS)

    def check_shape(self, shape: Shape) -> None:
        if shape.width % self.heads:
            raise checks.InputError(f"`width` must be a multiple of `model.heads` ({self.heads}), got {shape.width}.")

    def blocks(self, shape: Shape, causal: bool) -> nn.Sequential:
        """Return the blocks of a network."""
        return nn.Sequential(*(Block(self, shape.width, causal) for _ in range(shape.depth)))

    def last_norm(self, shape: Shape) -> nn.Module:
        """Return the norm behind the blocks."""
        return NORMS[self.norm](shape.width)
