"""`emd`: honest when it is stopped early."""

import numpy as np
import pytest

from lmc_sweeps.maths.permutations import from_coupling
from lmc_sweeps.transport.emd import Emd


@pytest.mark.parametrize("n", [2, 10, 50])
def test_an_iteration_limit_of_one_is_reported_as_not_converged(n: int) -> None:
    # pytest turns warnings into errors: POT's own warning must have become the sentence.
    cost = np.random.default_rng(0).random((n, n))
    result = Emd(max_iterations=1)(cost)
    assert not result.converged
    assert result.sentence.startswith("POT's emd did not converge (numItermax reached")
    assert not from_coupling(result.coupling)[1]
    assert Emd()(cost).converged
