"""Subnormal numbers are zeros in a block alone, and whatever was set before holds after it."""

import pytest
import torch

from lmc_sweeps.common.subnormals import SubnormalsAsZeros, are_zeros


@pytest.fixture
def can_be_set():
    yield torch.set_flush_denormal(False)  # which says whether this CPU can
    torch.set_flush_denormal(False)


def halved() -> float:
    return float(torch.tensor([1.5e-38]) * 0.5)


@pytest.mark.parametrize("before", [False, True])
def test_a_block_ends_as_it_began_whatever_ends_it(before, can_be_set):
    torch.set_flush_denormal(before)
    block = SubnormalsAsZeros()
    for _ in range(2):
        with block:
            assert are_zeros() is can_be_set
            assert (halved() == 0) is can_be_set
        assert are_zeros() is (before and can_be_set)
    with pytest.raises(KeyboardInterrupt), block:
        raise KeyboardInterrupt
    assert (halved() == 0) is (before and can_be_set)


def test_what_was_set_before_is_known_whatever_type_and_device_are_the_defaults(can_be_set):
    torch.set_flush_denormal(True)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), SubnormalsAsZeros():
            pass
        assert are_zeros() is can_be_set
    finally:
        torch.set_default_dtype(torch.float32)


def test_normal_numbers_are_what_they_were():
    values = torch.logspace(-37, 38, 1000)
    plain = values.sqrt() * 3
    with SubnormalsAsZeros():
        assert torch.equal(values.sqrt() * 3, plain)
