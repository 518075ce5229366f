"""The shape of a network: how many numbers an example has, and that two of the same values are one."""

import math

import numpy as np
import pytest
import torch
from small_tasks import DATA

from lmc_sweeps.datasets.base import Data, Split
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mean_field import MeanField
from lmc_sweeps.models.mlp import Mlp


@pytest.mark.parametrize("inputs", [(5,), (3, 4), (3, 2, 2), (1,)])
def test_the_number_of_inputs_is_that_of_the_numbers_in_an_example(inputs):
    shape = Shape(inputs, width=4, depth=2, classes=3)
    assert shape.n_inputs == torch.empty(inputs).numel()
    images = Split(torch.zeros(2, *inputs), torch.zeros(2, dtype=torch.int64))
    data = Data(images, images, n_classes=3)
    assert (data.inputs, data.n_inputs) == (inputs, math.prod(inputs))


def test_shapes_are_values():
    assert {Shape((5,), 4, 2, 3): "one"}[Shape(inputs=(5,), width=4, depth=2, classes=3)] == "one"
    assert Shape((5,), 4, 2, 3) != Shape((5,), 4, 2, 4)
    assert DATA.inputs == (5,)


@pytest.mark.parametrize("model", [Mlp(), Mlp(bias=False, initialisation="low_dimensional"), MeanField()])
def test_a_network_that_sees_a_vector_takes_the_numbers_of_an_image(model):
    flat, image = Shape((12,), 7, 1, 3), Shape((3, 2, 2), 7, 1, 3)
    model.check_shape(image)
    networks = [model.initial(shape, np.random.default_rng(0)) for shape in (flat, image)]
    assert networks[0].keys() == networks[1].keys()
    assert all(torch.equal(tensor, networks[1][name]) for name, tensor in networks[0].items())
    assert model.architecture(image).spec.sizes(networks[1]) == {"hidden_1": 7}


def test_drawn_examples_are_numbers_or_ids_of_tokens():
    shape = Shape((3, 4), width=4, depth=2, classes=3)
    numbers, tokens = (shape.examples(50, kind, np.random.default_rng(0)) for kind in ("images", "tokens"))
    assert (numbers.shape, tokens.shape) == ((50, 3, 4), (50, 3, 4))
    assert (numbers.dtype, tokens.dtype) == (torch.float32, torch.int64)
    assert sorted(set(tokens.flatten().tolist())) == [0, 1, 2]
    assert torch.equal(numbers, shape.examples(50, "vectors", np.random.default_rng(0)))
