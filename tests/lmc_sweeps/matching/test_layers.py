"""What is reported of every group, for permutations of whatever method."""

from dataclasses import replace

import numpy as np
import pytest
from small_problems import GROUPS, WIDTH, explicit, rows

from lmc_sweeps import matching
from lmc_sweeps.matching.base import MatchingProblem
from lmc_sweeps.matching.layers import layer_report
from lmc_sweeps.matching.weights import Weights


@pytest.mark.parametrize("name", ["weights", "covariance", "activations", "rebasin", "rebasin_covariance", "frank_wolfe", "otfusion"])
def test_a_methods_own_report_is_that_of_its_permutations(name: str, problem: MatchingProblem) -> None:
    method = matching.choices()[name]()
    result = method(replace(problem, generator=np.random.default_rng(0)))
    assert repr(layer_report(method, problem, result.permutations)) == repr(result.layers)  # as text, for what does not exist is NaN


def test_the_costs_of_any_permutations_are_means_of_squared_distances_in_the_metric(problem: MatchingProblem) -> None:
    rng = np.random.default_rng(0)
    orders = {group: rng.permutation(WIDTH) for group in GROUPS}
    report = layer_report(Weights(), problem, orders)
    assert [layer.layer_name for layer in report] == GROUPS
    for k, (layer, group) in enumerate(zip(report, GROUPS, strict=True), start=1):
        a, b = rows(problem, k, orders, biases=False)
        costs = explicit(a, b, np.eye(a.shape[1]))
        np.testing.assert_allclose(layer.matching_cost, np.mean([costs[i, j] for i, j in enumerate(orders[group])]), rtol=1e-10)
        np.testing.assert_allclose(layer.identity_cost, np.diag(costs).mean(), rtol=1e-10)
