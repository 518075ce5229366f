"""VGG networks: as many parameters as the paper's, and what they refuse."""

import math
import re

import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.vgg import Vgg

CIFAR = Shape((3, 32, 32), 64, 1, 10)


@pytest.mark.parametrize(("variant", "convolutions"), [(11, 8), (16, 13)])
def test_a_variant_has_its_layers_and_one_of_them_is_linear(variant, convolutions):
    sizes = Vgg(variant=variant, norm="none").tensor_sizes(CIFAR)
    assert [len(size) for name, size in sizes.items() if name.endswith("weight")] == [*[4] * convolutions, 2]
    assert sizes["head.weight"] == (10, 512)


# The convolutions of torchvision's vgg11 and vgg16 (`features`) have 9,220,480 and 14,714,688 parameters.
@pytest.mark.parametrize(("variant", "features"), [(11, 9_220_480), (16, 14_714_688)])
def test_a_width_of_64_is_the_papers(variant, features):
    sizes = Vgg(variant=variant, norm="none").tensor_sizes(CIFAR)
    assert sum(map(math.prod, sizes.values())) == features + 512 * 10 + 10


def test_the_images_of_mnist_are_large_enough():
    Vgg().check_shape(Shape((1, 28, 28), 8, 1, 10))
    with pytest.raises(InputError, match=r"^`dataset` must have images of at least 17 x 17 pixels for model=vgg, got 8 x 8\.$"):
        Vgg().check_shape(Shape((1, 8, 8), 8, 1, 10))


def test_depth_is_the_variants():
    with pytest.raises(InputError, match=r"^`depth` must be 1 for model=vgg, whose layers `model\.variant` counts, got 2\.$"):
        Vgg().check_shape(Shape((3, 32, 32), 8, 2, 10))
    for variant in (13, "11", True, [11]):
        with pytest.raises(InputError, match=rf"^`model\.variant` must be one of 11, 16, got {re.escape(repr(variant))}\.$"):
            Vgg(variant=variant)
