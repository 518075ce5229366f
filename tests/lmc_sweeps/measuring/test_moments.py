"""Moments of activations: one pass in batches against NumPy on the whole training set at once."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc_sweeps.measuring.moments import NetworkMoments, network_moments
from lmc_sweeps.models.base import Shape, stacked
from lmc_sweeps.models.feed_forward import FeedForward
from lmc_sweeps.models.mlp import Mlp

KEYS = ["input", "hidden_1", "hidden_2"]


def pair(dtype: torch.dtype) -> tuple[FeedForward, list[dict[str, Tensor]]]:
    drawn = (Mlp().initial(Shape((6,), 9, 2, 3), np.random.default_rng(seed)) for seed in (0, 1))
    return Mlp().architecture(Shape((6,), 9, 2, 3)), [{name: tensor.to(dtype) for name, tensor in net.items()} for net in drawn]


def inputs(dtype: torch.dtype, n: int = 1000) -> Tensor:
    return torch.from_numpy(np.random.default_rng(2).standard_normal((n, 6)) + 0.5).to(dtype)


def whole(dtype: torch.dtype) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the activations of A and of B on all inputs, in float64."""
    architecture, networks = pair(torch.float64)
    activations = architecture.activations(stacked(networks), inputs(dtype).double())
    return tuple({key: values[k].numpy() for key, values in activations.items()} for k in (0, 1))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("batch_size", [64, 333, 1000, 5000])  # even, uneven, exactly one batch, more than there is
def test_moments_are_plain_means_over_the_whole_training_set(dtype: torch.dtype, tolerance: float, batch_size: int) -> None:
    both = network_moments(*pair(dtype), inputs(dtype), batch_size)
    for moments, h in zip((both.views[0], both.views[1]), whole(dtype), strict=True):
        assert list(moments) == KEYS
        for key in KEYS:
            expected = h[key].T @ h[key] / len(h[key])
            scale = np.abs(expected).max()
            np.testing.assert_allclose(moments[key].second, expected, rtol=0, atol=tolerance * scale)
            np.testing.assert_allclose(moments[key].mean, h[key].mean(axis=0), rtol=0, atol=tolerance * np.sqrt(scale))
            covariance = np.cov(h[key], rowvar=False, bias=True)
            np.testing.assert_allclose(moments[key].covariance, covariance, rtol=0, atol=3 * tolerance * scale)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_cross_moments_have_rows_of_a_and_columns_of_b(dtype: torch.dtype, tolerance: float) -> None:
    moments = network_moments(*pair(dtype), inputs(dtype), 333)
    a, b = whole(dtype)
    assert list(moments.cross[0, 1]) == KEYS[1:]  # the input needs no matching
    for key, cross in moments.cross[0, 1].items():
        expected = np.mean(a[key][:, :, None] * b[key][:, None, :], axis=0)
        np.testing.assert_allclose(cross, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def every_array(moments: NetworkMoments) -> list[np.ndarray]:
    own = [array for side in (moments.views[0], moments.views[1]) for m in side.values() for array in (m.mean, m.second)]
    return own + list(moments.cross[0, 1].values())


def test_moments_are_float64_also_of_float32_networks() -> None:
    assert {array.dtype for array in every_array(network_moments(*pair(torch.float32), inputs(torch.float32)))} == {np.dtype(np.float64)}


def test_moments_of_a_pair_and_of_the_pair_turned_round_are_mirror_images() -> None:
    architecture, (a, b) = pair(torch.float64)
    moments, turned = (network_moments(architecture, nets, inputs(torch.float64)) for nets in ((a, b), (b, a)))
    for key in KEYS:
        np.testing.assert_allclose(moments.views[0][key].second, turned.views[1][key].second, rtol=1e-12)
    for key in KEYS[1:]:
        np.testing.assert_allclose(moments.cross[0, 1][key], turned.cross[0, 1][key].T, rtol=1e-12)


def test_batches_are_added_in_double_precision() -> None:
    # 2**24 + 1 = 2**24 in float32: one large example, then ones, each in a batch of its own, would be lost.
    architecture, networks = pair(torch.float32)
    x = torch.ones(1001, 6)
    x[0] = 4096.0  # its square is 2**24
    moments = network_moments(architecture, networks, x, batch_size=1)
    np.testing.assert_allclose(moments.views[0]["input"].second, np.full((6, 6), (2**24 + 1000) / 1001), rtol=1e-12)


def test_covariances_do_not_drown_in_large_means() -> None:
    # about 1000 +- 0.01 in float32: products about zero would round at 0.06, the covariance is 1e-4
    architecture, networks = pair(torch.float32)
    x = (1000 + 0.01 * torch.randn(500, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).float()
    exact = x.double().numpy()
    covariance = network_moments(architecture, networks, x, batch_size=100).views[0]["input"].covariance
    np.testing.assert_allclose(covariance, np.cov(exact.T, bias=True), rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_change_a_bit(threads: int) -> None:
    before = torch.get_num_threads()
    expected = every_array(network_moments(*pair(torch.float32), inputs(torch.float32)))
    try:
        torch.set_num_threads(threads)
        arrays = every_array(network_moments(*pair(torch.float32), inputs(torch.float32)))
    finally:
        torch.set_num_threads(before)
    for left, right in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(left, right)
