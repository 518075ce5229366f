"""What a chain computes in a shorter type: factors are rounded, and inputs beforehand where products alone read them."""

import torch
from torch import nn

from lmc_sweeps.models.chain_layer import Layer
from lmc_sweeps.models.feed_forward import FeedForward


def test_inputs_are_rounded_beforehand_where_products_alone_read_them():
    class Skipping(FeedForward):
        """One whose `forward` may read the inputs themselves."""

    inputs = torch.randn(4, 6)
    layers = [Layer("hidden_1", True, (nn.ReLU(),)), Layer("output", True)]
    assert FeedForward(layers, 4).rounded_inputs(inputs) is inputs
    rounded = FeedForward(layers, 4).with_products_in(torch.bfloat16).rounded_inputs(inputs)
    assert torch.equal(rounded, inputs.bfloat16())
    assert Skipping(layers, 4).with_products_in(torch.bfloat16).rounded_inputs(inputs) is inputs
