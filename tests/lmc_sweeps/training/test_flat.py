"""Tensors side by side: views of one buffer in their order, copies of what they are like, and the parts of some networks."""

import torch

from lmc_sweeps.training.flat import Flat

STACK = {"weight": torch.arange(12.0).view(3, 2, 2), "bias": torch.arange(3.0).view(3, 1)}


def test_a_buffer_of_zeros_has_the_shapes_and_types_of_what_it_is_like():
    flat = Flat({name: tensor.double() for name, tensor in STACK.items()})
    assert (flat.whole.shape, flat.whole.dtype, bool(flat.whole.any())) == ((15,), torch.float64, False)
    assert {name: view.shape for name, view in flat.views.items()} == {name: tensor.shape for name, tensor in STACK.items()}


def test_a_copy_has_the_values_one_behind_the_other_and_shares_no_memory_with_them():
    flat = Flat.copied(STACK)
    assert torch.equal(flat.whole, torch.cat([tensor.flatten() for tensor in STACK.values()]))
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
