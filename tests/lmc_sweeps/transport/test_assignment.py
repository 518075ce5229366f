"""`assignment`: it costs what the network simplex costs, which finds its permutation in another way."""

import numpy as np
import pytest
from small_costs import COSTS

from lmc_sweeps.transport.assignment import Assignment
from lmc_sweeps.transport.emd import Emd


@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 32, 101, 256])
def test_emd_and_assignment_cost_the_same(kind: str, n: int) -> None:
    cost = COSTS[kind](np.random.default_rng(n), n)
    emd, assignment = Emd()(cost), Assignment()(cost)
    # Costs, not permutations: ties are real.
    np.testing.assert_allclose(emd.cost, assignment.cost, rtol=1e-11, atol=1e-15 * np.abs(cost).max())
    assert (emd.converged, emd.sentence) == (True, "optimal")
    assert (assignment.converged, assignment.sentence) == (True, "optimal")
