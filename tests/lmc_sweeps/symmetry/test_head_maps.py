"""Orthogonal maps inside of heads: against one large matrix with a block for each head."""

import numpy as np
import pytest
import torch
from scipy.linalg import block_diag

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.orthogonal import random_orthogonal
from lmc_sweeps.symmetry.axes import Axis, Factor
from lmc_sweeps.symmetry.graph import mapped
from lmc_sweeps.symmetry.head_maps import InHeads, in_heads
from lmc_sweeps.symmetry.maps import Permutation

HEADS, N = 3, 4
rng = np.random.default_rng(0)
MATRICES = np.stack([random_orthogonal(N, rng) for _ in range(HEADS)])
BLOCKS = torch.from_numpy(block_diag(*MATRICES))
AXIS = Axis(((Factor(HEADS, "heads"), Factor(N, "inside")),))


@pytest.mark.parametrize("shape", [(HEADS * N,), (HEADS * N, 5), (HEADS * N, 5, 2)])
def test_it_is_one_matrix_with_a_block_for_each_head(shape: tuple[int, ...]) -> None:
    tensor = torch.from_numpy(rng.standard_normal(shape))
    moved = mapped(tensor, 0, AXIS, {"inside": InHeads(MATRICES)})
    torch.testing.assert_close(moved, torch.tensordot(BLOCKS, tensor, dims=1), rtol=0, atol=1e-12)


def test_on_a_later_axis_that_reads_it_is_the_same_matrix() -> None:
    tensor = torch.from_numpy(rng.standard_normal((5, HEADS * N)))
    moved = mapped(tensor, 1, Axis(AXIS.segments, reads=True), {"inside": InHeads(MATRICES)})
    torch.testing.assert_close(moved, tensor @ BLOCKS.T, rtol=0, atol=1e-12)


def test_heads_are_put_in_order_before_their_coordinates_are_mapped() -> None:
    tensor, order = torch.from_numpy(rng.standard_normal((HEADS * N, 2))), np.array([2, 0, 1])
    moved = mapped(tensor, 0, AXIS, {"inside": InHeads(MATRICES), "heads": Permutation(order)})
    expected = torch.stack([torch.from_numpy(MATRICES[h]) @ tensor.reshape(HEADS, N, 2)[order[h]] for h in range(HEADS)])
    torch.testing.assert_close(moved, expected.reshape(-1, 2), rtol=0, atol=1e-12)


def test_it_is_undone_and_follows_another_order_of_the_coordinates() -> None:
    tensor, order = torch.from_numpy(rng.standard_normal((HEADS, N, 2))), rng.permutation(N)
    one = InHeads(MATRICES)
    torch.testing.assert_close(one.inverse().apply(one.apply(tensor, 1), 1), tensor, rtol=0, atol=1e-12)
    torch.testing.assert_close(one.of_reordered(order).apply(tensor, 1), one.apply(tensor[:, order], 1), rtol=0, atol=1e-12)
    assert not one.is_permutation
    assert (one.n_a, one.n_b) == (N, N)


@pytest.mark.parametrize("matrices", [np.ones((HEADS, N, N)), np.eye(N), np.zeros((HEADS, N, N + 1))])
def test_what_is_not_orthogonal_in_every_head_is_refused(matrices: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"a map inside of heads must be matrices \(heads, n, n\) with Q Q' = 1 in each head, got shape"):
        InHeads(matrices)


@pytest.mark.parametrize("axis", [0, 2])
def test_an_axis_that_is_not_behind_as_many_heads_is_refused(axis: int) -> None:
    with pytest.raises(InputError, match="coordinates of 3 heads must be on the axis behind these"):
        in_heads(torch.from_numpy(MATRICES), torch.zeros(HEADS, 5, N, dtype=torch.float64), axis)
