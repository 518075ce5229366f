"""Inputs stay as they are whatever a module does to them, and a module that does nothing to them is given no copies."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.module_inputs import called


class Noting(nn.Module):
    """Notes where the inputs of its calls lie, and doubles in place what it is told to."""

    def __init__(self, doubles: bool = False) -> None:
        super().__init__()
        self.doubles, self.addresses = doubles, list[int]()

    def forward(self, x: Tensor) -> Tensor:
        self.addresses.append(x.data_ptr())
        return (x.mul_(2) if self.doubles else 2 * x) + 1


@pytest.mark.parametrize("doubles", [True, False])
def test_inputs_are_the_same_after_every_call(doubles: bool) -> None:
    module, x = Noting(doubles), torch.arange(6.0)
    for _ in range(3):
        assert torch.equal(called(module, x), 2 * torch.arange(6.0) + 1)
        assert torch.equal(x, torch.arange(6.0))


def test_a_module_that_keeps_them_is_given_a_copy_at_its_first_call_only_and_one_that_changes_them_at_every_call() -> None:
    x = torch.arange(6.0)
    for doubles, shared in ((False, [False, True, True]), (True, [False] * 3)):
        module = Noting(doubles)
        for _ in range(3):
            called(module, x)
        assert [address == x.data_ptr() for address in module.addresses] == shared


@pytest.mark.parametrize("through", [lambda x: x.data.mul_(2), lambda x: x.numpy().__imul__(2), lambda x: x[:3].detach().mul_(2)])
def test_changes_that_are_not_counted_are_seen_too(through: Callable[[Tensor], object]) -> None:
    class Hidden(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            through(x)
            return x + 1

    module, x = Hidden(), torch.arange(6.0)
    for _ in range(3):
        called(module, x)
        assert torch.equal(x, torch.arange(6.0))


def test_dropout_in_place_changes_them_in_training_only() -> None:
    module, x = nn.Sequential(nn.Dropout(0.5, inplace=True)), torch.ones(1000)
    for is_training in (False, True, False, True):
        zeros = int((called(module.train(is_training), x) == 0).sum())
        assert (300 < zeros < 700) if is_training else zeros == 0
        assert torch.equal(x, torch.ones(1000))


def test_a_module_that_changes_them_in_some_calls_only_is_refused() -> None:
    module, x = Noting(), torch.ones(3)
    called(module, x)
    module.doubles = True
    with pytest.raises(InputError, match=r"^a Noting changes its inputs in place in some calls and not in others, .*`x = x\.clone\(\)`\.$"):
        called(module, x)


def test_tensors_that_count_no_changes_are_copied() -> None:
    with torch.inference_mode():
        x = torch.ones(3)
        module = Noting(doubles=True)
        for _ in range(2):
            assert torch.equal(called(module, x), torch.full((3,), 3.0))
        assert torch.equal(x, torch.ones(3))
