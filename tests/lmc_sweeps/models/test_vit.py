"""The vision transformer: its tensors by hand, patches that do not see their order but by positions, and what it refuses."""

import math

import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.vit import Vit

SHAPE = Shape((3, 8, 12), 8, 2, 10)


@pytest.mark.parametrize("pooling", ["mean", "token"])
def test_parameters_are_those_counted_by_hand(pooling):
    sizes = Vit(pooling=pooling, mlp_ratio=2).tensor_sizes(SHAPE)
    d, extra = 8, 1 if pooling == "token" else 0
    block = 4 * (d * d + d) + (2 * d * d + 2 * d) + (2 * d * d + d) + 4 * d  # attention, hidden neurons, what they return, two norms
    embedding = 3 * 4 * 4 * d + d + (2 * 3 + extra) * d + extra * d  # patches, positions, class token
    assert sum(map(math.prod, sizes.values())) == embedding + 2 * block + 2 * d + 10 * d + 10


def swapped(images: torch.Tensor) -> torch.Tensor:
    """Exchange the left and the right patch of images of two."""
    return torch.cat([images[..., 4:], images[..., :4]], -1)


@pytest.mark.parametrize("pooling", ["mean", "token"])
def test_without_positions_the_order_of_patches_does_not_matter(pooling):
    module, x = Vit(pooling=pooling).module(Shape((1, 4, 8), 8, 1, 5)).double(), torch.randn(3, 1, 4, 8, dtype=torch.float64)
    with torch.no_grad():
        module.positions.normal_()
        assert float((module(x) - module(swapped(x))).abs().max()) > 1e-4
        module.positions.zero_()
        torch.testing.assert_close(module(x), module(swapped(x)), rtol=1e-10, atol=1e-12)


def test_a_patch_must_divide_an_image():
    Vit(patch=4).check_shape(SHAPE)
    with pytest.raises(InputError, match=r"^`model\.patch` must divide the sides of an image, 8 x 12 pixels, got 8\.$"):
        Vit(patch=8).check_shape(SHAPE)
    with pytest.raises(InputError, match=r"^`dataset` must have images of at least 16 x 16 pixels for model=vit, got 8 x 12\.$"):
        Vit(patch=16).check_shape(SHAPE)
    with pytest.raises(InputError, match=r"^`model\.pooling` must be one of mean, token, got 'max'\.$"):
        Vit(pooling="max")
