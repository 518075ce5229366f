"""Barriers on curves whose four values can be worked out by hand."""

import numpy as np
import pytest

from lmc_sweeps.maths.barriers import barriers
from lmc_sweeps.maths.interpolation import line_points

T = line_points(17)  # multiples of 1/16, so that the curves below are exact


def test_a_sloped_straight_curve_has_no_barrier_over_the_chord_but_one_over_the_mean() -> None:
    measures = barriers(T, 1 + 2 * T)
    assert (measures.barrier, measures.barrier_t) == (0.0, 0.0)
    assert measures.barrier_mean == 1.0  # 3 - (1 + 3) / 2
    assert (measures.midpoint, measures.midpoint_barrier) == (2.0, 0.0)


@pytest.mark.parametrize(("start", "end"), [(0.1, 0.7), (0.7, 0.1), (1 / 3, 1 / 3), (2.302585, 1e-7)])
def test_the_barrier_of_a_straight_curve_is_rounding_and_never_negative(start: float, end: float) -> None:
    t = line_points(25)
    measures = barriers(t, start + (end - start) * t)
    assert 0.0 <= measures.barrier <= 1e-15


def test_a_parabola_has_its_barrier_in_the_middle_under_all_definitions() -> None:
    measures = barriers(T, T * (1 - T))
    assert (measures.barrier, measures.barrier_t, measures.barrier_mean) == (0.25, 0.5, 0.25)
    assert (measures.midpoint, measures.midpoint_barrier) == (0.25, 0.25)


def test_an_asymmetric_peak_is_found_where_it_is_furthest_above_the_chord() -> None:
    # The chord runs from 0 to 4. Over it the curve rises by 2 at t = 1/4, though it is higher, 4, at the end.
    measures = barriers(np.array([0.0, 0.25, 0.5, 0.75, 1.0]), np.array([0.0, 3.0, 3.5, 3.5, 4.0]))
    assert (measures.barrier, measures.barrier_t) == (2.0, 0.25)
    assert measures.barrier_mean == 2.0  # 4 - (0 + 4) / 2
    assert (measures.midpoint, measures.midpoint_barrier) == (3.5, 1.5)


def test_a_curve_below_its_chord_has_barrier_zero_and_a_negative_midpoint_barrier() -> None:
    measures = barriers(T, (T - 0.5) ** 2)
    assert (measures.barrier, measures.barrier_t, measures.barrier_mean) == (0.0, 0.0, 0.0)
    assert (measures.midpoint, measures.midpoint_barrier) == (0.0, -0.25)


def test_of_equal_maxima_the_first_is_named() -> None:
    measures = barriers(np.array([0.0, 0.25, 0.5, 0.75, 1.0]), np.array([0.0, 1.0, 0.0, 1.0, 0.0]))
    assert (measures.barrier, measures.barrier_t) == (1.0, 0.25)


@pytest.mark.parametrize("seed", range(5))
def test_the_definitions_relate_as_theory_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    curve = rng.uniform(0, 2, len(T))
    measures, gap = barriers(T, curve), abs(curve[0] - curve[-1])
    assert measures.barrier >= 0
    assert measures.barrier_mean >= gap / 2 - 1e-15
    assert abs(measures.barrier - measures.barrier_mean) <= gap / 2 + 1e-15
    assert measures.midpoint_barrier <= min(measures.barrier, measures.barrier_mean) + 1e-15
    # Only the barrier over the chord does not see a slope that is added.
    tilted = barriers(T, curve + 5 - 3 * T)
    np.testing.assert_allclose((tilted.barrier, tilted.midpoint_barrier), (measures.barrier, measures.midpoint_barrier), atol=1e-14)
    assert tilted.barrier_t == measures.barrier_t
    # With equal end points both definitions are one.
    level = barriers(T, np.concatenate([curve[:-1], curve[:1]]))
    np.testing.assert_allclose(level.barrier, level.barrier_mean, atol=1e-15)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 5, 8, 16])
def test_a_curve_with_one_value_that_is_not_finite_has_no_barrier_at_all(value: float, position: int) -> None:
    curve = T * (1 - T)
    curve[position] = value
    assert np.isnan(list(barriers(T, curve).columns("loss").values())).all()


def test_columns_carry_the_names_of_the_definitions() -> None:
    measures = barriers(np.array([0.0, 0.5, 1.0]), np.array([1.0, 3.0, 2.0]))
    assert measures.columns("error") == {
        "error_barrier": 1.5,
        "error_barrier_t": 0.5,
        "error_barrier_mean": 1.5,
        "error_midpoint": 3.0,
        "error_midpoint_barrier": 1.5,
    }


def test_the_curve_is_not_changed() -> None:
    curve = 1 + 2 * T
    barriers(T, curve)
    np.testing.assert_array_equal(curve, 1 + 2 * T)


@pytest.mark.parametrize(
    "t",
    [
        [0.0, 1.0],  # no middle
        [0.0, 0.3, 0.6, 1.0],  # an even number of points
        [0.0, 0.4, 1.0],  # 1/2 is missing
        [0.1, 0.5, 1.0],  # A is missing
        [0.0, 0.5, 0.9],  # B is missing
        [1.0, 0.5, 0.0],  # the other direction
        [0.0, 0.25, 0.5, 0.5, 1.0],  # one point twice
        [0.0, np.nan, 0.5, 0.75, 1.0],
    ],
)
def test_points_that_do_not_run_from_0_over_a_half_to_1_are_refused(t: list[float]) -> None:
    with pytest.raises(ValueError, match=r"^`t` must increase from 0 over 1/2 \(in the middle\) to 1, got \[" + str(t)[1:-1]):
        barriers(np.array(t), np.zeros(len(t)))


@pytest.mark.parametrize("curve", [np.zeros(4), np.zeros((5, 1))])
def test_a_curve_of_another_shape_than_t_is_refused_with_both_shapes(curve: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"`t` and `curve` must be vectors of one length, got shapes \(5,\) and \((4|5, 1),?\)"):
        barriers(line_points(5), curve)
