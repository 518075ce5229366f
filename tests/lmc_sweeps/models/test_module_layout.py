"""Where a module holds its tensors: as PyTorch's own functional calls find them, and left as it was."""

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from lmc_sweeps.models.module_layout import layout_of


class Tied(nn.Module):
    """A module with a tensor of two names, a buffer of two names, and one that no name is given for."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
        self.last.weight = self.first.weight
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer("count", torch.zeros(4))
        self.register_buffer("again", self.count)

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return self.norm(self.last(torch.relu(self.first(x)))) + self.again


def drawn() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {
        name: torch.rand(tensor.shape).to(tensor.dtype)
        for name, tensor in Tied().state_dict().items()
        if name not in ("last.weight", "again")
    }


def test_a_call_is_that_of_torch_and_changes_nothing() -> None:
    module, x = Tied().eval(), torch.randn(3, 4)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    tensors, expected = drawn(), drawn()
    with layout_of(module).holding(tensors):
        outputs = module(x)
    torch.testing.assert_close(outputs, functional_call(module, expected, (x,)), rtol=0, atol=0)
    assert torch.equal(tensors["count"], expected["count"])  # which the call has counted up
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert module.last.weight is module.first.weight
    assert module.again is module.count


def test_what_fails_leaves_the_module_as_it_was() -> None:
    module = Tied()
    own = module.first.weight
    with pytest.raises(RuntimeError, match="stop"), layout_of(module).holding(drawn()):
        raise RuntimeError("stop")
    assert module.first.weight is own


def test_buffers_that_are_not_given_are_the_modules_own_each_once() -> None:
    layout, tensors = layout_of(Tied()), drawn()
    del tensors["count"], tensors["norm.num_batches_tracked"]
    assert [name for name, _ in layout.own_buffers(tensors)] == ["count", "norm.num_batches_tracked"]
    assert [name for name, _ in layout.own_buffers({**tensors, "again": torch.zeros(4)})] == ["norm.num_batches_tracked"]


def test_layers_are_those_below_the_module_and_it_is_not_kept_alive() -> None:
    module = Tied()
    assert layout_of(module).layers == (module.first, module.last, module.norm)
    assert layout_of(module) is layout_of(module)
    gone = weakref.ref(module)
    del module
    gc.collect()
    assert gone() is None
