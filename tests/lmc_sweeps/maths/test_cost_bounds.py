"""Bounds of matching costs: closed forms, and simulations of what is bounded."""

import math

import numpy as np
import pytest
import scipy.stats
from scipy.optimize import brentq, linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.cost_bounds import (
    effective_dimension,
    expected_slope,
    fournier_guillin_rate,
    nearest_neighbour_bound,
    rate_distortion_bound,
    water_level,
)


def matching_cost(u: np.ndarray, v: np.ndarray) -> float:
    cost = cdist(u, v, "sqeuclidean")
    return float(cost[linear_sum_assignment(cost)].mean())


@pytest.mark.parametrize("d", [1, 2, 5, 50])
@pytest.mark.parametrize("m", [2, 64, 4096])
def test_for_an_isotropic_law_the_bound_is_d_m_to_the_minus_two_over_d(d, m):
    assert rate_distortion_bound(np.ones(d), m) == pytest.approx(d * m ** (-2 / d), rel=1e-12)
    assert effective_dimension(np.ones(d), m) == pytest.approx(d, rel=1e-12)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("rate", [0.0, 0.1, 2.0, 30.0])
def test_the_water_level_solves_its_equation(exponent, rate):
    spectrum = np.arange(1, 51.0) ** -exponent
    level = water_level(np.random.default_rng(0).permutation(spectrum), rate)
    if rate == 0:
        assert level == pytest.approx(spectrum.max())
        return
    expected = brentq(lambda x: 0.5 * np.maximum(0, np.log(spectrum) - x).sum() - rate, -200, 0, xtol=1e-14)
    assert math.log(level) == pytest.approx(expected, abs=1e-10)


def test_one_neuron_cannot_be_told_from_the_mean_and_many_cost_little():
    spectrum = np.array([4.0, 1.0, 0.0])
    assert rate_distortion_bound(spectrum, 1) == pytest.approx(5.0)  # the trace: one point, at the mean
    assert rate_distortion_bound(spectrum, 10**6) == pytest.approx(2 * 2 * 1e-6, rel=1e-9)  # geometric mean 2, d = 2


def test_a_direction_far_below_the_level_counts_by_its_share():
    # Two directions of variance 1 and one of 0.01: while the level is above 0.01, d_eff = 2 + 0.01 / level.
    spectrum = np.array([1.0, 1.0, 0.01])
    assert effective_dimension(spectrum, 10) == pytest.approx(2 + 0.01 / 0.1)


@pytest.mark.parametrize(("d", "m"), [(1, 64), (3, 64), (10, 32)])
def test_no_mean_matching_cost_of_gaussian_weights_is_below_the_bounds(d, m):
    rng = np.random.default_rng(d)
    costs = [matching_cost(rng.standard_normal((m, d)), rng.standard_normal((m, d))) for _ in range(60)]
    least = np.mean(costs) + 3 * np.std(costs) / np.sqrt(60)
    assert rate_distortion_bound(np.ones(d), m) < least
    assert nearest_neighbour_bound(m, d, (2 * math.pi) ** (-d / 2)) < least
    assert np.mean(costs) < 2 * d  # unmatched neurons are that far apart


UNIFORM = math.exp(2 * scipy.stats.uniform.entropy()) / (2 * math.pi * math.e) / scipy.stats.uniform.var()  # entropy power / variance


def uniform(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    return rng.uniform(-math.sqrt(3), math.sqrt(3), (n, d))


@pytest.mark.parametrize(("d", "m"), [(1, 64), (3, 64), (8, 128), (64, 32)])
def test_no_mean_matching_cost_of_uniform_weights_is_below_its_share_of_the_bound_of_gaussian_ones(d, m):
    assert pytest.approx(6 / (math.pi * math.e)) == UNIFORM
    rng = np.random.default_rng(d)
    costs, columns = [], []
    for _ in range(40):
        a, b = uniform(rng, m, d), uniform(rng, m, d)
        costs.append(matching_cost(a, b))
        columns.append(rate_distortion_bound(np.linalg.eigvalsh(np.cov(a.T, bias=True).reshape(d, d)).clip(0), m))
    assert UNIFORM * np.mean(columns) <= UNIFORM * rate_distortion_bound(np.ones(d), m) < np.mean(costs)
    assert np.mean(costs) > 1.5 * rate_distortion_bound(np.ones(d), m)  # as the docstring says: far from what is proved


def test_uniform_weights_can_be_quantised_below_the_bound_of_gaussian_ones_and_not_below_their_own():
    corners = (np.stack(np.meshgrid(*[np.arange(12)] * 3), axis=-1).reshape(-1, 3) + 0.25) / 12
    points = np.concatenate([corners, corners + 1 / 24])  # (m, 3): a body-centred cubic lattice in the unit cube
    distortions = cKDTree(points).query(np.random.default_rng(0).random((200_000, 3)))[0] ** 2
    bound = rate_distortion_bound(np.full(3, 1 / 12), len(points))
    assert distortions.mean() + 4 * distortions.std() / math.sqrt(len(distortions)) < bound
    assert UNIFORM * bound < distortions.mean()


def test_the_nearest_neighbour_bound_holds_for_uniform_weights_in_a_metric():
    rng, m, scale = np.random.default_rng(0), 100, np.array([2.0, 0.5, 3.0])  # metric diag(scale^2), determinant 9
    costs = [matching_cost(rng.random((m, 3)) * scale, rng.random((m, 3)) * scale) for _ in range(20)]
    bound = nearest_neighbour_bound(m, 3, 1.0, determinant=9.0)
    assert 0.05 * np.mean(costs) < bound < np.mean(costs)


@pytest.mark.parametrize(("dimension", "slope"), [(1, -1), (2, -1), (3, -2 / 3), (4, -0.5), (10, -0.2)])
def test_expected_slopes(dimension, slope):
    assert expected_slope(dimension) == pytest.approx(slope)


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
    assert fournier_guillin_rate(100, dimension, p, moment) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: water_level(np.array([1.0, -1.0]), 1.0), "`spectrum` must be variances"),
        (lambda: water_level(np.zeros(3), 1.0), "`spectrum` must be variances"),
        (lambda: water_level(np.ones(3), -1.0), "`rate` must not be negative"),
        (lambda: expected_slope(0), "`dimension` must be above 0"),
        (lambda: fournier_guillin_rate(10, 3, p=2, moment=2), "`moment` must be above p = 2"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_the_bound_of_a_sample_is_in_expectation_no_higher_than_that_of_its_law():
    # D_S is concave in S, so the plug-in of a sample's covariance errs on the safe side.
    rng = np.random.default_rng(0)
    for d, m in ((3, 16), (10, 32), (20, 16)):
        plugged = []
        for _ in range(200):
            rows = rng.standard_normal((m, d))
            plugged.append(rate_distortion_bound(np.linalg.eigvalsh(np.cov(rows.T, bias=True)).clip(0), m))
        assert np.mean(plugged) < rate_distortion_bound(np.ones(d), m)
