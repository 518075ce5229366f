"""`sinkhorn` on networks whose groups are traced: attention heads, tied embeddings, concatenations."""

import numpy as np
import pytest
from loss_problems import KINDS, traced

from lmc_sweeps.matching.sinkhorn import Sinkhorn


@pytest.mark.parametrize("loss", ["weights", "midpoint"])
@pytest.mark.parametrize("kind", KINDS)
def test_on_traced_networks_permuted_b_is_bs_function(kind: str, loss: str) -> None:
    pair = traced(kind)
    result = Sinkhorn(loss=loss, epochs=2, steps=3, batch_size=6)(pair.problem())
    np.testing.assert_allclose(pair.function(result.permutations), pair.function({}), atol=1e-9)
    assert result.statistics["best_score"] <= result.objective[0]
