"""The rules of operations: between two linear layers each leaves free what it leaves free, and nothing else."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps.symmetry.proof import prove
from lmc_sweeps.symmetry.rules import RULES
from lmc_sweeps.symmetry.tracing import trace

Function = Callable[[Tensor], Tensor]


class Between(nn.Module):
    """Six neurons, a function of them, and a linear layer that reads what comes out."""

    def __init__(self, function: Function, examples: int = 2) -> None:
        super().__init__()
        self.function, self.first = function, nn.Linear(5, 6)
        self.last = nn.Linear(function(torch.zeros(examples, 6)).shape[-1], 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.function(self.first(x)))


FREE: dict[str, tuple[Function, tuple[int, ...]]] = {
    "elementwise": (lambda h: torch.where(h > 0, torch.exp(-h), 2 * h + 1), (6,)),
    "with itself": (lambda h: h * torch.sigmoid(h) - h.abs().clamp(max=2.0), (6,)),
    "softmax": (lambda h: torch.softmax(h, -1), (6,)),
    "layer norm": (lambda h: F.layer_norm(h, (6,)), (6,)),
    "centred": (lambda h: h - h.mean(-1, keepdim=True), (6,)),
    "largest": (lambda h: h.amax(-1, keepdim=True).expand(-1, 6) + h, (6,)),
    "gated": (lambda h: h.chunk(2, -1)[0] * torch.sigmoid(h.chunk(2, -1)[1]), (3,)),
    "parts of different lengths": (lambda h: torch.cat(h.split([1, 2, 3], -1)[::-1], -1), (2, 3)),
    "both signs": (lambda h: torch.cat([F.relu(h), F.relu(-h)], -1), (6,)),
    "products of pairs": (lambda h: (h[:, :, None] * h[:, None, :]).flatten(1), (6,)),
    "in a table": (lambda h: h.view(-1, 2, 3).transpose(1, 2).reshape(-1, 6), (2, 3)),
    "sum over a table": (lambda h: h.view(-1, 2, 3).sum(1), (2, 3)),
    "stacked and added": (lambda h: torch.stack([h, torch.tanh(h)], 1).sum(1), (6,)),
    "padded": (lambda h: F.pad(h, (1, 2)), (6, 2)),  # zeros too are places, of which one alone cannot be relabelled
    "moved about": (lambda h: h[:, None].permute(2, 0, 1).squeeze(2).movedim(0, 1).unsqueeze(0).squeeze(0), (6,)),
    "all neurons with all": (lambda h: torch.einsum("nd,md->nm", h, h).sum(-1, keepdim=True), (6,)),
    "group norm": (lambda h: F.group_norm(h, 2), (2, 3)),
    "norm": (lambda h: h / torch.linalg.vector_norm(h, dim=-1, keepdim=True) + h.norm() + h.var() + torch.std(h, -1, keepdim=True), (6,)),
    "written in place": (lambda h: torch.zeros(len(h), 6, dtype=h.dtype).add_(h).relu_().mul_(2), (6,)),
    "a slope for each": (lambda h: F.prelu(h, torch.full((6,), 0.1, dtype=h.dtype)), (6,)),
    "positions pooled": (lambda h: F.avg_pool1d(h[:, :, None].expand(-1, -1, 4), 2).flatten(1), (6,)),
}
FIXED: dict[str, tuple[Function, str]] = {
    "running sums": (lambda h: torch.cumsum(h, -1), "cumsum"),
    "sorted": (lambda h: torch.sort(h, -1)[0], "sort"),
    "turned round": (lambda h: torch.flip(h, (-1,)), "flip"),
    "rolled": (lambda h: torch.roll(h, 1, -1), "roll"),
    "picked": (lambda h: h[:, [0, 2, 4]], "index"),
    "one of them set": (lambda h: torch.index_fill(h, 1, torch.tensor([2]), 0.0), "index_fill"),
}  # fmt: skip


@pytest.mark.parametrize("name", FREE)
def test_what_an_operation_leaves_free_keeps_the_function(name: str) -> None:
    function, sizes = FREE[name]
    torch.manual_seed(0)
    module, example = Between(function), torch.randn(2, 5)
    graph = trace(module, example)
    assert sorted(graph.sizes.values()) == sorted(sizes)
    assert graph.limits == ()
    proof = prove(module, graph, example, np.random.default_rng(0))
    assert proof.gap < 1e-9


@pytest.mark.parametrize("name", FIXED)
def test_what_no_rule_knows_is_fixed_and_named(name: str) -> None:
    function, operation = FIXED[name]
    graph = trace(Between(function), torch.randn(2, 5))
    assert graph.sizes == {}
    assert operation in {limit.operation for limit in graph.limits}
    assert "first.weight" in graph.limits[0].tensors


def set_first(h: Tensor) -> Tensor:
    h = h.clone()
    h[:, 0] = 1.0
    return h


def assembled(h: Tensor) -> Tensor:
    out = torch.zeros(len(h), 6, dtype=h.dtype)
    out[:, :3] = h[:, 3:]
    return out


@pytest.mark.parametrize(
    "function",
    [set_first, assembled, lambda h: h[:, :3], lambda h: h[:, 2:3] * h, lambda h: h * torch.arange(6.0)],
    ids=["set", "assembled", "slice", "one", "weighted"],
)
def test_what_is_known_by_its_place_stays_there(function: Function) -> None:
    assert trace(Between(function), torch.randn(2, 5)).sizes == {}


def test_transposed_convolutions_read_their_first_axis() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 5, 3), nn.ReLU(), nn.Conv2d(5, 2, 1))
    example = torch.randn(2, 1, 5, 5)
    graph = trace(module, example)
    assert graph.sizes == {"0": 4, "2": 5}
    assert [axis.reads for axis in graph.axes["2.weight"]] == [True, False, False, False]
    assert prove(module, graph, example, np.random.default_rng(0)).holds


def test_every_rule_is_of_an_operation_that_there_is() -> None:
    assert [name for name in RULES if not hasattr(torch.ops.aten, name)] == []
