"""The plane through A, B and matched B: its geometry, and the losses over it against other ways to them."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.measuring.evaluation import evaluate, evaluate_line
from lmc_sweeps.measuring.gaps import distance
from lmc_sweeps.measuring.planes import ACROSS, BEYOND, N_ROWS, POINTS, Plane, plane_rows, plane_through
from lmc_sweeps.models.base import Architecture, Shape, stacked, unstack
from lmc_sweeps.models.mean_field import MeanField
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.torch_module import TorchModule
from multirun_analysis.schema import PLANE_NETWORKS

WIDTH, CLASSES, INPUTS = 7, 4, 5


def network(seed: int, depth: int = 2) -> dict[str, Tensor]:
    return Mlp().initial(Shape((INPUTS,), WIDTH, depth, CLASSES), np.random.default_rng(seed))


def three(depth: int = 2) -> list[dict[str, Tensor]]:
    """Return A, B, and B permuted at random."""
    b = network(1, depth)
    order = {f"hidden_{k}": np.random.default_rng(k).permutation(WIDTH) for k in range(1, depth + 1)}
    return [network(0, depth), b, apply_permutations(b, architecture(depth).spec, order)]


def architecture(depth: int = 2) -> Architecture:
    return Mlp().architecture(Shape((INPUTS,), WIDTH, depth, CLASSES))


def split(n: int = 50) -> Split:
    rng = np.random.default_rng(9)
    return Split(torch.from_numpy(rng.standard_normal((n, INPUTS)).astype(np.float32)), torch.from_numpy(rng.integers(0, CLASSES, n)))


def plane_of(networks: list[dict[str, Tensor]]) -> Plane:
    plane = plane_through(*networks)
    assert plane is not None
    return plane


def test_the_basis_is_orthonormal_and_distances_in_the_plane_are_those_of_the_weights() -> None:
    networks = three()
    plane = plane_of(networks)
    for left, right, product in ((plane.u, plane.u, 1.0), (plane.v, plane.v, 1.0), (plane.u, plane.v, 0.0)):
        assert float(left @ right) == pytest.approx(product, abs=1e-12)
    for i in range(3):
        for j in range(3):
            expected = distance(networks[i], networks[j])
            assert np.linalg.norm(plane.corners[i] - plane.corners[j]) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert plane.corners[0].tolist() == [0.0, 0.0]
    assert plane.corners[1, 1] == 0.0
    assert plane.corners[2, 1] > 0


def test_at_their_own_coordinates_the_networks_come_back() -> None:
    networks = three()
    plane = plane_of(networks)
    stack = plane.networks(plane.corners)
    for k, expected in enumerate(networks):
        torch.testing.assert_close(unstack(stack, k), expected, rtol=0, atol=1e-6)
    assert {name: tensor.dtype for name, tensor in stack.items()} == {name: tensor.dtype for name, tensor in networks[0].items()}


def test_the_order_in_which_a_network_names_its_tensors_does_not_matter() -> None:
    a, b, aligned = three()
    plane, other = plane_of([a, b, aligned]), plane_of([a, dict(reversed(b.items())), dict(reversed(aligned.items()))])
    assert torch.equal(plane.u, other.u)
    np.testing.assert_array_equal(plane.corners, other.corners)


def test_the_grid_goes_through_the_networks_and_beyond_them_on_every_side() -> None:
    plane = plane_of(three())
    x, y = plane.grid()
    assert len(x) == len(y) == POINTS == 21
    low, high = plane.corners.min(axis=0), plane.corners.max(axis=0)
    for axis, k in ((x, 0), (y, 1)):
        np.testing.assert_allclose(np.diff(axis), (high[k] - low[k]) / ACROSS, rtol=1e-9)
        assert axis[BEYOND] == low[k]
        assert axis[BEYOND + ACROSS] == pytest.approx(high[k], rel=1e-12)


def test_networks_on_one_line_span_no_plane() -> None:
    a, b, _ = three()
    beyond = {name: a[name] + 1.7 * (b[name] - a[name]) for name in a}
    for networks in ([a, b, b], [a, b, a], [a, a, b], [a, a, a], [a, b, beyond]):
        assert plane_through(*networks) is None
        assert plane_rows(architecture(), *networks, split()) == []


ARCHITECTURES = {
    "mlp": architecture(1),
    "torch module": TorchModule(architecture(1).module(network(0, 1)), architecture(1).graph(network(0, 1))),
}


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("batch_size", [7, 2000])
def test_every_row_is_the_score_of_the_network_at_its_place(kind: str, batch_size: int) -> None:
    networks, data = three(1), split()
    rows = plane_rows(ARCHITECTURES[kind], *networks, data, batch_size)
    assert len(rows) == N_ROWS == 21 * 21 + 3
    plane = plane_of(networks)
    expected = evaluate(architecture(1), plane.networks(np.array([[row.x, row.y] for row in rows])), data)
    np.testing.assert_allclose([row.loss for row in rows], expected.loss, rtol=1e-4)  # float32 weights far from the three
    assert np.mean([row.error for row in rows] == expected.error) > 0.99  # a tie may fall either way
    assert [row.network for row in rows] == [""] * 441 + list(PLANE_NETWORKS)


def test_the_mean_field_networks_have_planes_too() -> None:
    model = MeanField()
    a, b = (model.initial(Shape((INPUTS,), WIDTH, 1, CLASSES), np.random.default_rng(seed)) for seed in (0, 1))
    net = model.architecture(Shape((INPUTS,), WIDTH, 1, CLASSES))
    aligned = apply_permutations(b, net.spec, {group: np.roll(np.arange(WIDTH), 1) for group in net.spec.groups})
    rows = plane_rows(net, a, b, aligned, split())
    ends = evaluate(net, stacked([a, b, b]), split())
    np.testing.assert_allclose([row.loss for row in rows[-3:]], ends.loss, rtol=1e-6)


def test_the_row_through_a_and_b_is_the_line_between_them() -> None:
    a, b, aligned = three()
    plane = plane_of([a, b, aligned])
    rows = plane_rows(architecture(), a, b, aligned, split())
    t = np.arange(-BEYOND, ACROSS + BEYOND + 1) / ACROSS  # the highest network lies between A and B here, so the grid's ends are theirs
    assert 0 < plane.corners[2, 0] < plane.corners[1, 0]
    line = evaluate_line(architecture(), a, b, [{}], t, split())
    grid_row = [row for row in rows if row.y == 0 and not row.network]
    np.testing.assert_allclose([row.x / plane.corners[1, 0] for row in grid_row], t, atol=1e-12)
    np.testing.assert_allclose([row.loss for row in grid_row], line.loss[0], rtol=1e-5)


def test_a_loss_that_is_not_finite_is_none_and_neither_is_its_error() -> None:
    a, b, aligned = ({name: tensor * 1e30 for name, tensor in net.items()} for net in three())
    rows = plane_rows(architecture(), a, b, aligned, split())
    assert all(math.isnan(row.loss) and math.isnan(row.error) for row in rows[-3:])
    assert all(math.isfinite(row.x) and math.isfinite(row.y) for row in rows)
