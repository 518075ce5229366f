"""Theory: closed forms, and simulations of what is bounded."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, linear_sum_assignment
from scipy.spatial.distance import cdist

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths import theory


def matching_cost(u: np.ndarray, v: np.ndarray) -> float:
    cost = cdist(u, v, "sqeuclidean")
    return float(cost[linear_sum_assignment(cost)].mean())


@pytest.mark.parametrize("d", [1, 2, 5, 50])
@pytest.mark.parametrize("m", [2, 64, 4096])
def test_for_an_isotropic_law_the_bound_is_d_m_to_the_minus_two_over_d(d, m):
    assert theory.rate_distortion_bound(np.ones(d), m) == pytest.approx(d * m ** (-2 / d), rel=1e-12)
    assert theory.effective_dimension(np.ones(d), m) == pytest.approx(d, rel=1e-12)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("rate", [0.0, 0.1, 2.0, 30.0])
def test_the_water_level_solves_its_equation(exponent, rate):
    spectrum = np.arange(1, 51.0) ** -exponent
    level = theory.water_level(np.random.default_rng(0).permutation(spectrum), rate)
    if rate == 0:
        assert level == pytest.approx(spectrum.max())
        return
    expected = brentq(lambda x: 0.5 * np.maximum(0, np.log(spectrum) - x).sum() - rate, -200, 0, xtol=1e-14)
    assert math.log(level) == pytest.approx(expected, abs=1e-10)


def test_one_neuron_cannot_be_told_from_the_mean_and_many_cost_little():
    spectrum = np.array([4.0, 1.0, 0.0])
    assert theory.rate_distortion_bound(spectrum, 1) == pytest.approx(5.0)  # the trace: one point, at the mean
    assert theory.rate_distortion_bound(spectrum, 10**6) == pytest.approx(2 * 2 * 1e-6, rel=1e-9)  # geometric mean 2, d = 2


def test_a_direction_far_below_the_level_counts_by_its_share():
    # Two directions of variance 1 and one of 0.01: while the level is above 0.01, d_eff = 2 + 0.01 / level.
    spectrum = np.array([1.0, 1.0, 0.01])
    assert theory.effective_dimension(spectrum, 10) == pytest.approx(2 + 0.01 / 0.1)


@pytest.mark.parametrize(("d", "m"), [(1, 64), (3, 64), (10, 32)])
def test_no_mean_matching_cost_of_gaussian_weights_is_below_the_bounds(d, m):
    rng = np.random.default_rng(d)
    costs = [matching_cost(rng.standard_normal((m, d)), rng.standard_normal((m, d))) for _ in range(60)]
    least = np.mean(costs) + 3 * np.std(costs) / np.sqrt(60)
    assert theory.rate_distortion_bound(np.ones(d), m) < least
    assert theory.nearest_neighbour_bound(m, d, (2 * math.pi) ** (-d / 2)) < least
    assert np.mean(costs) < 2 * d  # unmatched neurons are that far apart


def test_the_nearest_neighbour_bound_holds_for_uniform_weights_in_a_metric():
    rng, m, scale = np.random.default_rng(0), 100, np.array([2.0, 0.5, 3.0])  # metric diag(scale^2), determinant 9
    costs = [matching_cost(rng.random((m, 3)) * scale, rng.random((m, 3)) * scale) for _ in range(20)]
    bound = theory.nearest_neighbour_bound(m, 3, 1.0, determinant=9.0)
    assert 0.05 * np.mean(costs) < bound < np.mean(costs)


@pytest.mark.parametrize(("dimension", "slope"), [(1, -1), (2, -1), (3, -2 / 3), (4, -0.5), (10, -0.2)])
def test_expected_slopes(dimension, slope):
    assert theory.expected_slope(dimension) == pytest.approx(slope)


@pytest.mark.parametrize(
    ("dimension", "p", "moment", "expected"),
    [
        (3, 2, math.inf, 100**-0.5),
        (4, 2, math.inf, 100**-0.5 * math.log(101)),
        (8, 2, math.inf, 100**-0.25),
        (8, 1, math.inf, 100**-0.125),
        (8, 2, 4.0, 100**-0.25 + 100**-0.5),
    ],
)
def test_fournier_guillin_rates(dimension, p, moment, expected):
    assert theory.fournier_guillin_rate(100, dimension, p, moment) == pytest.approx(expected)


def test_sufficient_widths_are_a_tower_of_powers_that_ends_in_infinity():
    assert theory.widths_sufficient(0.5, 5, 3) == [32.0, 2.0**32, math.inf]
    assert theory.widths_sufficient(0.1, 2, 1, constant=3.0) == pytest.approx([900.0])


def test_necessary_widths_solve_the_nearest_neighbour_bound():
    (first, *_) = theory.widths_necessary(0.05, 6, 2)
    # Rows of variance 1/d have a density bound d^{d/2} times larger.
    at_it = theory.nearest_neighbour_bound(round(first), 6, (6 / (2 * math.pi)) ** 3)
    assert at_it == pytest.approx(0.05**2, rel=1e-3)
    assert theory.widths_necessary(0.05, 6, 2)[1] == math.inf


def test_more_is_sufficient_than_is_necessary():
    for tolerance in (0.3, 0.1, 0.01):
        assert theory.widths_necessary(tolerance, 8, 1)[0] < theory.widths_sufficient(tolerance, 8, 1, constant=2.0)[0]


@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
def test_the_two_layer_certificate_holds_for_a_tanh_network_and_any_matching(t):
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2, 30, 6))
    x = rng.standard_normal((200, 6))
    output = lambda theta: np.tanh(x @ theta.T).mean(1)  # noqa: E731
    gap = np.abs(output((1 - t) * a + t * b) - (1 - t) * output(a) - t * output(b)).max()
    lipschitz = np.linalg.norm(x, axis=1).max()  # of tanh(x w) in w
    bound = theory.two_layer_certificate(np.linalg.norm(a - b, axis=1), lipschitz, t)
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
    bounds = theory.layerwise_certificate(norms, gaps, t)
    assert all(distance <= bound for distance, bound in zip(distances, bounds, strict=True))
    assert bounds[0] == pytest.approx(t * gaps[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.water_level(np.array([1.0, -1.0]), 1.0), "`spectrum` must be variances"),
        (lambda: theory.water_level(np.zeros(3), 1.0), "`spectrum` must be variances"),
        (lambda: theory.water_level(np.ones(3), -1.0), "`rate` must not be negative"),
        (lambda: theory.expected_slope(0), "`dimension` must be above 0"),
        (lambda: theory.fournier_guillin_rate(10, 3, p=2, moment=2), "`moment` must be above p = 2"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(("width", "n_inputs", "layer"), [(1024, 5, 1), (1024, 5, 2), (64, 1, 3), (4096, 784, 4), (2, 3, 2)])
def test_the_tolerance_reached_is_the_one_whose_sufficient_width_it_is(width, n_inputs, layer):
    tolerance = theory.tolerance_reached(width, n_inputs, layer)
    assert theory.widths_sufficient(tolerance, n_inputs, layer)[-1] == pytest.approx(width, rel=1e-6)
    assert theory.tolerance_reached(width, n_inputs, layer, constant=3.0) == pytest.approx(3 * tolerance)


def test_the_tolerance_reached_falls_with_width_and_rises_with_depth():
    assert theory.tolerance_reached(1024, 5, 1) == pytest.approx(1024 ** (-1 / 5))
    by_width = [theory.tolerance_reached(width, 5, 2) for width in (8, 64, 512, 4096)]
    assert by_width == sorted(by_width, reverse=True)
    by_layer = [theory.tolerance_reached(512, 5, layer) for layer in (1, 2, 3, 4)]
    assert by_layer == sorted(by_layer)


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
    bound = theory.two_layer_curvature_certificate(
        norms[0], np.maximum(*norms[1:]), np.sqrt((dz**2).mean(0)), np.sqrt((dz**4).mean(0)), 4 / (3 * math.sqrt(3)), t
    )
    assert np.sqrt((gap**2).sum(1).mean()) < bound


def test_the_largest_curvature_of_tanh():
    z = np.linspace(-3, 3, 100_001)
    assert np.abs(2 * np.tanh(z) * (1 - np.tanh(z) ** 2)).max() == pytest.approx(4 / (3 * math.sqrt(3)), rel=1e-8)


def test_the_bound_of_a_sample_is_in_expectation_no_higher_than_that_of_its_law():
    # D_S is concave in S, so the plug-in of a sample's covariance errs on the safe side.
    rng = np.random.default_rng(0)
    for d, m in ((3, 16), (10, 32), (20, 16)):
        plugged = []
        for _ in range(200):
            rows = rng.standard_normal((m, d))
            plugged.append(theory.rate_distortion_bound(np.linalg.eigvalsh(np.cov(rows.T, bias=True)).clip(0), m))
        assert np.mean(plugged) < theory.rate_distortion_bound(np.ones(d), m)
