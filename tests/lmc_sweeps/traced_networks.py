"""Small networks of the architectures that users have, each with an example and the groups that can be relabelled, counted beforehand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps.symmetry.graph import Graph
from lmc_sweeps.symmetry.tracing import trace


class Residual(nn.Module):
    """A block of two convolutions with a shortcut: where the size changes a convolution, or what is padded with zeros (option A)."""

    def __init__(self, n_in: int, n_out: int, stride: int, norm: Callable[[int], nn.Module], pads: bool) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), norm(n_out)
        self.conv2, self.norm2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False), norm(n_out)
        self.stride, self.more = stride, (n_out - n_in) // 2
        changes = n_in != n_out and not pads
        self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), norm(n_out)) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        if self.shortcut is not None:
            x = self.shortcut(x)
        elif self.more:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more, self.more))
        return F.relu(h + x)


def resnet20(norm: Callable[[int], nn.Module] = nn.BatchNorm2d, pads: bool = False, width: int = 4, blocks: int = 3) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1, bias=False), norm(width), nn.ReLU()]
    n_in = width
    for stage in range(3):
        for block in range(blocks):
            n_out = width * 2**stage
            layers.append(Residual(n_in, n_out, 2 if stage and not block else 1, norm, pads))
            n_in = n_out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_in, 10))


def vgg11(width: int = 4) -> nn.Module:
    layers: list[nn.Module] = []
    n_in = 3
    for size in (1, "pool", 2, "pool", 4, 4, "pool", 8, 8, "pool", 8, 8, "pool"):
        if size == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            n_out = width * int(size)
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU()]
            n_in = n_out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_in, 10))


class Dense(nn.Module):
    """Layers that see all that came before, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(12), nn.BatchNorm2d(16)])
        self.layers = nn.ModuleList([nn.Conv2d(8, 4, 3, padding=1), nn.Conv2d(12, 4, 3, padding=1)])
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for norm, layer in zip(self.norms, self.layers, strict=False):
            x = torch.cat([x, layer(F.relu(norm(x)))], 1)
        return self.head(F.relu(self.norms[2](x)).mean((2, 3)))


class Attention(nn.Module):
    """Multi-head attention; queries, keys and values by three layers, by one that is cut in three, or by one that is unbound."""

    def __init__(self, d: int, heads: int, kind: str, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.kind, self.causal = heads, kind, causal
        self.qkv = nn.Linear(d, 3 * d) if kind != "separate" else nn.ModuleList(nn.Linear(d, d) for _ in range(3))
        self.out = nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        n, length, d = x.shape
        split = (n, length, self.heads, d // self.heads)
        if self.kind == "unbound":
            q, k, v = self.qkv(x).reshape(n, length, 3, *split[2:]).permute(2, 0, 3, 1, 4).unbind(0)
        else:
            parts = self.qkv(x).chunk(3, -1) if self.kind == "chunked" else [layer(x) for layer in self.qkv]
            q, k, v = (part.view(split).transpose(1, 2) for part in parts)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(h.transpose(1, 2).reshape(n, length, d))


class Block(nn.Module):
    def __init__(self, d: int, heads: int, kind: str, causal: bool = False) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention = Attention(d, heads, kind, causal)
        self.mlp = nn.Sequential(nn.Linear(d, 3 * d), nn.GELU(), nn.Linear(3 * d, d))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self, kind: str, d: int = 12, heads: int = 3) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, d, 4, 4)
        self.token, self.places = nn.Parameter(torch.randn(1, 1, d)), nn.Parameter(torch.randn(1, 5, d))
        self.blocks = nn.Sequential(Block(d, heads, kind), Block(d, heads, kind))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


class Gpt(nn.Module):
    """A decoder whose embedding is its last layer too."""

    def __init__(self, d: int = 12, words: int = 11, length: int = 6) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, d), nn.Embedding(length, d)
        self.blocks = nn.Sequential(Block(d, 3, "chunked", causal=True), Block(d, 3, "chunked", causal=True))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, words, bias=False)
        self.head.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.words(x) + self.places(torch.arange(x.shape[1])))))


class Encoder(nn.Module):
    def __init__(self, norm_first: bool) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 12)
        self.layer = nn.TransformerEncoderLayer(12, 3, 20, dropout=0.1, batch_first=True, norm_first=norm_first)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(x)).mean(1))


class Decoder(nn.Module):
    """A layer whose second attention reads queries from one stream, keys and values from another, by parts of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.memory = nn.Linear(6, 12), nn.Linear(6, 12)
        self.layer = nn.TransformerDecoderLayer(12, 3, 20, dropout=0.1, batch_first=True)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(x), self.memory(x)).mean(1))


class Gains(nn.Module):
    """Neurons with a number each, and no row of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.randn(6)), nn.Parameter(torch.randn(6))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x.sum(1, keepdim=True) * self.gain + self.bias)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm, self.hidden, self.head = nn.Linear(5, 6), nn.LSTM(6, 7, batch_first=True), nn.Linear(7, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.hidden(self.lstm(self.embed(x))[0][:, -1])))


class Cumulative(nn.Module):
    """A network with an operation that no rule knows."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Linear(5, 6), nn.Linear(6, 7), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.two(torch.cumsum(F.relu(self.one(x)), 1))))


class Products(nn.Module):
    """Layers written as products of matrices, each in a way of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Parameter(torch.randn(5, 6)), nn.Parameter(torch.randn(7, 6))
        self.three, self.four = nn.Parameter(torch.randn(7, 8)), nn.Parameter(torch.randn(8, 3))
        self.bias = nn.Parameter(torch.randn(8))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(x @ self.one)
        h = torch.tanh(torch.einsum("nd,hd->nh", h, self.two))
        return torch.tanh(torch.addmm(self.bias, h, self.three)).matmul(self.four)


@dataclass(frozen=True)
class Traced:
    """A network, an example of its inputs, the sizes of the groups that it has, and the operations that no rule knows."""

    make: Callable[[], nn.Module]
    example: Callable[[], Tensor]
    sizes: tuple[int, ...]
    unknown: tuple[str, ...] = ()
    needs: tuple[str, ...] = field(default=())


def images(size: int = 8, channels: int = 3) -> Callable[[], Tensor]:
    return lambda: torch.randn(2, channels, size, size)


def batches(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(2, *shape)


def group_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(2, channels)


def layer_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(1, channels)


def grouped() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.ReLU(), nn.Conv2d(8, 12, 1, groups=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(12, 5),
    )  # fmt: skip


STREAMS = (4, 8, 16)
INNER = tuple(n for n in STREAMS for _ in range(3))
VIT = (12, 3, 4, 4, 36, 3, 4, 4, 36)  # the stream; heads, queries and keys, values, hidden neurons of each block
NETWORKS = {
    "mlp": Traced(lambda: nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 4)), batches(8), (16, 12)),
    "conv1d": Traced(lambda: nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Conv1d(4, 5, 3), nn.Flatten(), nn.Linear(15, 3)), batches(2, 7), (4, 5)),
    "conv2d": Traced(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 2), nn.GELU(), nn.Flatten(), nn.Linear(24, 9),
                                           nn.ReLU(), nn.Linear(9, 3)), images(channels=1), (4, 6, 9)),
    "grouped and depthwise": Traced(grouped, images(), (4, 2, 3)),  # the order of groups, that inside the inputs', that inside the outputs'
    "vgg11": Traced(vgg11, images(32), (4, 8, 16, 16, 32, 32, 32, 32)),
    "resnet20 batch": Traced(resnet20, images(), (*STREAMS, *INNER)),
    "resnet20 layer": Traced(lambda: resnet20(layer_norm), images(), (*STREAMS, *INNER)),
    "resnet20 group": Traced(lambda: resnet20(group_norm), images(), (*(2,) * 12, *(n // 2 for n in (*STREAMS, *INNER)))),
    "resnet20 padded": Traced(lambda: resnet20(pads=True), images(), (4, 2, 2, 4, 4, *INNER)),  # what a stage adds stands on both sides
    "densenet": Traced(Dense, images(), (8, 4, 4)),
    "vit separate": Traced(lambda: Vit("separate"), images(), VIT),
    "vit chunked": Traced(lambda: Vit("chunked"), images(), VIT),
    "vit unbound": Traced(lambda: Vit("unbound"), images(), (12, 3, 4, 36, 3, 4, 36)),  # queries, keys and values have one order
    "encoder pre-norm": Traced(lambda: Encoder(True), batches(5, 6), (12, 3, 4, 20)),
    "encoder post-norm": Traced(lambda: Encoder(False), batches(5, 6), (12, 3, 4, 20)),
    "decoder": Traced(Decoder, batches(5, 6), (12, 3, 4, 3, 4, 20)),
    "gains": Traced(lambda: nn.Sequential(Gains(), nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 3)), batches(5), (6, 7)),
    "gpt": Traced(Gpt, lambda: torch.randint(11, (2, 6)), VIT),
    "lstm": Traced(Recurrent, batches(4, 5), (8,), ("lstm",)),
    "cumsum": Traced(Cumulative, batches(5), (7,), ("cumsum",)),
    "products": Traced(Products, batches(5), (6, 7, 8)),
}  # fmt: skip


@cache
def graph_of(name: str) -> Graph:
    """Return the graph of one of these networks, traced once in a process: it depends on no weights."""
    return trace(NETWORKS[name].make(), NETWORKS[name].example())


def drawn(module: nn.Module, seed: int = 0) -> nn.Module:
    """Return a module in float64 and in evaluation mode, with scales, shifts and biases drawn anew: at 1 and 0 none of them is seen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.double().eval().parameters():
            if parameter.dim() == 1:
                parameter.copy_(torch.empty_like(parameter).uniform_(0.5, 1.5, generator=generator))
    return module
