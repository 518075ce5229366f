"""Operations that change shapes only: the axes that come out have the sizes that PyTorch gives them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lmc_sweeps.symmetry.tracing import trace

OPERATIONS: list[Callable[[Tensor], Tensor]] = [
    lambda h: h.view(2, 3, 4),
    lambda h: h.unflatten(1, (4, 3)).flatten(0, 1),
    lambda h: h.reshape(1, 24).T,
    lambda h: h[:, None].expand(2, 5, 12).transpose(-1, 0),
    lambda h: torch.cat([h, h[:, :3]], 1),
    lambda h: torch.stack(h.chunk(5, 1)[:2], -1),
    lambda h: torch.nn.functional.pad(h, (1, 2, 3, 4)),
    lambda h: h.view(2, 3, 2, 2).permute(3, 1, 0, 2).squeeze().movedim((0, 2), (1, 0)),
    lambda h: h.unbind(0)[1].triu().unsqueeze(-1) if h.dim() > 2 else h.unbind(1)[1].unsqueeze(-1),
    lambda h: h.narrow(1, 2, 5).swapaxes(0, 1),
]  # fmt: skip


class Shaped(nn.Module):
    """A layer, an operation, and a scale for each entry of the last axis, which must fit."""

    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.operation, self.first = operation, nn.Linear(5, 12)
        self.scale = nn.Parameter(torch.ones(operation(torch.zeros(2, 12)).shape))

    def forward(self, x: Tensor) -> Tensor:
        return (self.scale * self.operation(self.first(x))).sum()


@pytest.mark.parametrize("number", range(len(OPERATIONS)))
def test_axes_have_the_sizes_of_the_result(number: int) -> None:
    module = Shaped(OPERATIONS[number])
    graph = trace(module, torch.randn(2, 5))
    assert tuple(axis.size for axis in graph.axes["scale"]) == tuple(module.scale.shape)
    assert graph.limits == ()


class Cut(nn.Module):
    """Two layers, of which the second one's weight is used in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.weight = nn.Linear(5, 12), nn.Parameter(torch.randn(8, 12))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x))
        return torch.cat([h @ part.T for part in self.weight.chunk(2)], 1)


def test_the_parts_of_a_weight_read_what_the_weight_reads() -> None:
    rows, columns = trace(Cut(), torch.randn(2, 5)).axes["weight"]
    assert (rows.reads, columns.reads) == (False, True)
    assert columns.groups == ("first",)
