"""`identity`: it moves nothing, looks at nothing, and reports no layer."""

import numpy as np

from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.problem import MatchingProblem, NetworkView
from lmc_sweeps.symmetry.graph import Graph


def test_the_identity_moves_nothing_and_reports_no_layer() -> None:
    problem = MatchingProblem(graph=Graph({}, {"hidden_1": 5, "hidden_2": 3}), views=(NetworkView(), NetworkView()))
    result = Identity()(problem)
    assert list(result.permutations) == ["hidden_1", "hidden_2"]
    for group, permutation in result.permutations.items():
        np.testing.assert_array_equal(permutation, np.arange(problem.sizes[group]))
    assert (result.layers, result.converged, result.is_permutation, result.sentence) == ((), True, True, "not matched")
