"""The straight line: its points, and that it starts in A and ends in B to the last bit."""

import numpy as np
import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.interpolation import interpolate, lerp, line_points


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


@pytest.mark.parametrize("points", [3, 5, 7, 11, 25, 101])
def test_line_points_are_even_and_hold_0_a_half_and_1_exactly(points: int) -> None:
    t = line_points(points)
    assert (len(t), t[0], t[points // 2], t[-1]) == (points, 0.0, 0.5, 1.0)
    np.testing.assert_allclose(t, np.linspace(0, 1, points), atol=1e-15)


@pytest.mark.parametrize("points", [1, 2, 4, 0, -3, 5.0, "5", True, None])
def test_points_that_are_not_odd_and_at_least_three_are_refused(points: object) -> None:
    with pytest.raises(InputError, match=rf"^`points` must be an odd integer of at least 3 .*, got {points!r}\.$"):
        line_points(points)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("scale_a", "scale_b"), [(1.0, 1.0), (1e8, 1e-8), (1e-8, 1e8)])
def test_the_ends_of_the_line_are_the_networks_bit_for_bit(dtype: torch.dtype, scale_a: float, scale_b: float) -> None:
    # Unequal scales: a + t (b - a) would lose all of the smaller network.
    a, b = scale_a * normal(40, 3, dtype=dtype), scale_b * normal(40, 3, seed=1, dtype=dtype)
    line = lerp(a, b, torch.from_numpy(line_points(5)))
    assert torch.equal(line[0], a)
    assert torch.equal(line[-1], b)


def test_every_point_of_the_line_is_the_weighted_mean_of_its_ends() -> None:
    a = {"weight": normal(4, 3, dtype=torch.float64), "bias": normal(4, seed=1, dtype=torch.float64)}
    b = {"bias": normal(4, seed=2, dtype=torch.float64), "weight": normal(4, 3, seed=3, dtype=torch.float64)}
    t = line_points(7)
    line = interpolate(a, b, torch.from_numpy(t))
    assert list(line) == ["weight", "bias"]
    for name in a:
        expected = np.stack([(1 - s) * a[name].numpy() + s * b[name].numpy() for s in t])
        np.testing.assert_allclose(line[name].numpy(), expected, rtol=1e-12, atol=1e-15)


def test_the_line_from_a_network_to_itself_stays_there() -> None:
    a = {"weight": normal(50, 20)}
    line = interpolate(a, a, torch.from_numpy(line_points(11)))
    assert torch.equal(line["weight"], a["weight"].expand(11, 50, 20))


def test_walking_from_b_to_a_visits_the_same_networks() -> None:
    a, b, t = normal(30, dtype=torch.float64), normal(30, seed=1, dtype=torch.float64), torch.from_numpy(line_points(9))
    torch.testing.assert_close(lerp(a, b, t).flip(0), lerp(b, a, t), rtol=1e-12, atol=1e-15)


def test_the_line_keeps_the_precision_of_the_networks() -> None:
    # t comes in float64
    assert lerp(normal(3), normal(3, seed=1), torch.from_numpy(line_points(3))).dtype == torch.float32
