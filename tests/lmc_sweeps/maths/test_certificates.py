"""Certificates: random networks stay below them, and closed forms."""

import math

import numpy as np
import pytest

from lmc_sweeps.maths.certificates import layerwise_certificate, two_layer_certificate, two_layer_curvature_certificate


@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
def test_the_two_layer_certificate_holds_for_a_tanh_network_and_any_matching(t):
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2, 30, 6))
    x = rng.standard_normal((200, 6))
    output = lambda theta: np.tanh(x @ theta.T).mean(1)  # noqa: E731
    gap = np.abs(output((1 - t) * a + t * b) - (1 - t) * output(a) - t * output(b)).max()
    lipschitz = np.linalg.norm(x, axis=1).max()  # of tanh(x w) in w
    bound = two_layer_certificate(np.linalg.norm(a - b, axis=1), lipschitz, t)
    assert gap <= bound + 1e-12
    assert (bound == 0) == (t in (0.0, 1.0))


def test_the_layerwise_certificate_bounds_the_distance_of_activations():
    rng, t = np.random.default_rng(5), 0.4
    sizes = [8, 20, 20, 4]
    a, b = ([rng.standard_normal((m, d)) / math.sqrt(d) for d, m in zip(sizes[:-1], sizes[1:], strict=True)] for _ in range(2))
    x = rng.standard_normal((300, 8))
    rms = lambda values: math.sqrt((values**2).sum(1).mean())  # noqa: E731
    line, own = x, x
    norms, gaps, distances = [], [], []
    for w_a, w_b in zip(a, b, strict=True):
        norms.append(np.linalg.norm(w_a, 2))
        gaps.append(rms(line @ (w_b - w_a).T))
        line, own = np.maximum(line @ ((1 - t) * w_a + t * w_b).T, 0), np.maximum(own @ w_a.T, 0)
        distances.append(rms(line - own))
    bounds = layerwise_certificate(norms, gaps, t)
    assert all(distance <= bound for distance, bound in zip(distances, bounds, strict=True))
    assert bounds[0] == pytest.approx(t * gaps[0])


@pytest.mark.parametrize("t", [0.1, 0.5])
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_the_curvature_certificate_holds_for_a_tanh_network_and_any_matching(t, scale):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 4))
    w_a, a_a = rng.standard_normal((30, 4)), rng.standard_normal((30, 2))
    w_b, a_b = w_a + scale * rng.standard_normal((30, 4)), a_a + scale * rng.standard_normal((30, 2))

    def f(w, a):
        return np.tanh(x @ w.T) @ a / 30

    gap = f((1 - t) * w_a + t * w_b, (1 - t) * a_a + t * a_b) - (1 - t) * f(w_a, a_a) - t * f(w_b, a_b)
    dz = x @ (w_b - w_a).T
    norms = [np.linalg.norm(v, axis=1) for v in (a_b - a_a, a_a, a_b)]
    bound = two_layer_curvature_certificate(
        norms[0], np.maximum(*norms[1:]), np.sqrt((dz**2).mean(0)), np.sqrt((dz**4).mean(0)), 4 / (3 * math.sqrt(3)), t
    )
    assert np.sqrt((gap**2).sum(1).mean()) < bound


def test_the_largest_curvature_of_tanh():
    z = np.linspace(-3, 3, 100_001)
    assert np.abs(2 * np.tanh(z) * (1 - np.tanh(z) ** 2)).max() == pytest.approx(4 / (3 * math.sqrt(3)), rel=1e-8)
