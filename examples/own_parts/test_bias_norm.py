"""`bias_norm`: biases by the formula, weights as they are, and at both ends nothing is changed."""

import numpy as np
import torch

from lmc_sweeps import repair
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.maths.interpolation import interpolate
from lmc_sweeps.models.base import Shape
from lmc_sweeps.models.mlp import Mlp

T = torch.tensor([0.0, 0.5, 0.75, 1.0], dtype=torch.float64)
SHAPE = Shape((5,), 4, 2, 3)
A, B = (Mlp().initial(SHAPE, np.random.default_rng(number)) for number in (0, 1))
NO_DATA = Split(torch.empty(0, 5), torch.empty(0, dtype=torch.long))


def test_biases_are_those_of_the_formula_and_nothing_else_moves() -> None:
    architecture, stack = Mlp().architecture(SHAPE), interpolate(A, B, T)
    repaired = repair.choices()["bias_norm"]().between(architecture, A, B, NO_DATA)(stack, T)
    for number in (1, 2):
        name = f"hidden_{number}.bias"
        for k, t in enumerate(T.tolist()):
            torch.testing.assert_close(repaired[name][k], (1 - t) ** number * A[name] + t**number * B[name])
    assert all(
        torch.equal(repaired[name], tensor) for name, tensor in stack.items() if name.endswith("weight") or name.startswith("output")
    )
    assert all(torch.equal(repaired[name][[0, -1]], tensor[[0, -1]]) for name, tensor in stack.items())


def test_networks_without_biases_have_nothing_to_repair() -> None:
    assert not repair.choices()["bias_norm"]().applies(Mlp(bias=False).architecture(SHAPE))
