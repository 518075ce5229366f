"""The paper's values: all of one set of learning rates, and as the paper says of them."""

import math

from multirun_analysis.studies.paper_values import DIMENSIONS, ENDPOINTS, LEARNING_RATES, MIDPOINTS

RECOVERED = [LEARNING_RATES[k] for k in (0, 1, 3, 5)]  # those at which its figures could be read


def test_learning_rates_are_evenly_spaced_in_the_logarithm():
    for k, rate in enumerate(LEARNING_RATES):
        assert math.isclose(rate, 10 ** (-4 + 0.6 * k), rel_tol=1e-12)


def test_end_points_are_of_all_rates_and_midpoints_and_dimensions_of_those_recovered():
    assert all(tuple(values) == LEARNING_RATES for values in ENDPOINTS.values())
    assert all(list(values) == RECOVERED for values in (*MIDPOINTS.values(), *DIMENSIONS.values()))
    assert set(DIMENSIONS) == {(method, layer) for method in MIDPOINTS for layer in (1, 2, 3)}


def test_a_higher_rate_trains_better_and_the_midpoint_is_above_the_ends():
    accuracies, losses = ([value.mean for value in ENDPOINTS[name].values()] for name in ("test accuracy", "train loss"))
    assert accuracies == sorted(accuracies)
    assert losses == sorted(losses, reverse=True)
    for values in MIDPOINTS.values():
        assert all(value.mean > ENDPOINTS["test loss"][rate].mean for rate, value in values.items())


def test_deviations_are_small_beside_their_means():
    for values in (*ENDPOINTS.values(), *MIDPOINTS.values(), *DIMENSIONS.values()):
        assert all(math.isnan(value.std) or 0 < value.std < value.mean / 2 for value in values.values())
