"""Maps that autograd differentiates: as the maps that files hold, and their derivatives against finite differences."""

import numpy as np
import pytest
import torch

from lmc_sweeps.matching.tensor_maps import TensorMap
from lmc_sweeps.maths.orthogonal import random_orthogonal
from lmc_sweeps.symmetry.axes import Axis, Factor
from lmc_sweeps.symmetry.graph import mapped
from lmc_sweeps.symmetry.head_maps import InHeads
from lmc_sweeps.symmetry.maps import Orthogonal, Permutation

HEADS, N = 3, 4
rng = np.random.default_rng(0)
INSIDE, STREAM = np.stack([random_orthogonal(N, rng) for _ in range(HEADS)]), random_orthogonal(5, rng)
AXES = (Axis(((Factor(HEADS, "heads"), Factor(N, "inside")),)), Axis(((Factor(5, "stream"),),), reads=True))
TENSOR = torch.from_numpy(rng.standard_normal((HEADS * N, 5)))
ORDER = np.array([1, 2, 0])


def moved(maps: dict[str, object]) -> torch.Tensor:
    maps = {group: Permutation(value) if isinstance(value, np.ndarray) else value for group, value in maps.items()}
    return mapped(mapped(TENSOR, 0, AXES[0], maps) if {"heads", "inside"} & set(maps) else TENSOR, 1, AXES[1], maps)


def test_they_map_as_those_that_files_hold() -> None:
    expected = moved({"heads": Permutation(ORDER), "inside": InHeads(INSIDE), "stream": Orthogonal(STREAM)})
    maps = {"heads": ORDER, "inside": TensorMap(torch.from_numpy(INSIDE)), "stream": TensorMap(torch.from_numpy(STREAM))}
    torch.testing.assert_close(moved(maps), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", ["stream", "inside"])
def test_derivatives_are_those_of_finite_differences(group: str) -> None:
    values = {"stream": STREAM, "inside": INSIDE}
    others = {} if group == "stream" else {"stream": TensorMap(torch.from_numpy(STREAM))}
    leaf = torch.from_numpy(values[group].copy()).requires_grad_()

    def value(matrix: torch.Tensor) -> torch.Tensor:
        return moved({**others, "stream" if group == "stream" else "inside": TensorMap(matrix)})

    assert torch.autograd.gradcheck(value, (leaf,))
