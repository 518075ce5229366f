"""Tensors side by side: views of one buffer in their order, copies of what they are like, and the parts of some networks."""

import pytest
import torch

from lmc_sweeps.training.flat import Flat

STACK = {"weight": torch.arange(12.0).view(3, 2, 2), "bias": torch.arange(3.0).view(3, 1)}


def test_a_buffer_of_zeros_has_the_shapes_and_types_of_what_it_is_like():
    flat = Flat({name: tensor.double() for name, tensor in STACK.items()})
    assert (flat.whole.dtype, bool(flat.whole.any())) == (torch.float64, False)
    assert {name: view.shape for name, view in flat.views.items()} == {name: tensor.shape for name, tensor in STACK.items()}


def test_tensors_that_fill_cache_lines_lie_one_behind_the_other():
    tensors = {"weight": torch.arange(96.0).view(3, 2, 16), "bias": torch.arange(48.0).view(3, 16)}
    assert torch.equal(Flat.copied(tensors).whole, torch.cat([tensor.flatten() for tensor in tensors.values()]))


def test_each_tensor_of_each_network_begins_at_a_cache_line_as_in_a_stack_of_one():
    one, three = Flat.copied({name: tensor[2:] for name, tensor in STACK.items()}), Flat.copied(STACK)
    assert torch.equal(three.of_networks([2])[0], one.whole)  # zeros between the tensors too
    for flat in (one, three):
        for view in flat.views.values():
            assert all(part.is_contiguous() and part.data_ptr() % 64 == 0 for part in view)


def test_a_copy_has_the_values_and_shares_no_memory_with_them():
    flat = Flat.copied(STACK)
    flat.whole += 1
    assert all(torch.equal(flat.views[name], tensor + 1) for name, tensor in STACK.items())
    assert STACK["bias"][0] == 0


def test_the_parts_of_some_networks_are_theirs_alone_and_those_of_all_are_the_buffer():
    flat = Flat.copied(STACK)
    assert flat.of_networks([0, 1, 2]) == [flat.whole]
    for part in flat.of_networks([0, 2]):
        part.zero_()
    for name, tensor in STACK.items():
        assert not flat.views[name][[0, 2]].any()
        assert torch.equal(flat.views[name][1], tensor[1])


@pytest.mark.parametrize("size", [2, 16], ids=["network by network", "tensor by tensor"])
def test_some_tensors_of_some_networks_are_theirs_alone(size):
    stack = {"weight": torch.ones(3, 2, size), "bias": torch.ones(3, size)}
    flat = Flat.copied(stack)
    for part in flat.of_networks([1, 2], ["bias"]):
        part.zero_()
    assert flat.views["weight"].all()
    assert flat.views["bias"].any(1).tolist() == [True, False, False]
