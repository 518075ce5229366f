"""What image models ask of the data, before anything is computed."""

import re

import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.cnn import Cnn
from lmc_sweeps.models.images import check_images
from lmc_sweeps.models.resnet import Resnet
from lmc_sweeps.models.vgg import Vgg
from lmc_sweeps.models.vit import Vit


@pytest.mark.parametrize("model", [Cnn(), Vgg(), Resnet(), Vit()], ids=lambda model: model.name)
def test_models_of_images_take_nothing_else(model):
    kinds = re.escape(f"`dataset` must have images, (channels, height, width), for model={model.name}; an example has the shape ")
    with pytest.raises(InputError, match=rf"^{kinds}\(64,\): vectors of numbers, or of token ids\.$"):
        model.check_shape(Shape((64,), 8, 1, 10))
    with pytest.raises(InputError, match=rf"^{kinds}\(8, 8\): no image\.$"):
        model.check_shape(Shape((8, 8), 8, 1, 10))
    model.check_shape(Shape((3, 32, 32), 8, 1, 10))


@pytest.mark.parametrize("inputs", [(1, 16, 17), (1, 17, 16)])
def test_the_smaller_side_counts(inputs):
    with pytest.raises(
        InputError, match=rf"^`dataset` must have images of at least 17 x 17 pixels for model=x, got {inputs[1]} x {inputs[2]}\.$"
    ):
        check_images("x", Shape(inputs, 8, 1, 10), least=17)
    check_images("x", Shape((1, 17, 17), 8, 1, 10), least=17)
