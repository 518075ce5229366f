"""What every model has by default: no shape is refused, and the sizes of its tensors are those of a network that it draws."""

import numpy as np

from lmc_sweeps.models.base import Model, Shape
from lmc_sweeps.models.mlp import Mlp

SHAPE = Shape((6,), 5, 2, 3)


def test_the_sizes_of_a_models_tensors_are_those_of_its_networks() -> None:
    drawn = {name: tuple(tensor.shape) for name, tensor in Mlp().initial(SHAPE, np.random.default_rng(0)).items()}
    assert Model.tensor_sizes(Mlp(), SHAPE) == Mlp().tensor_sizes(SHAPE) == drawn
