"""`folding`: nothing is moved, and what lies between the networks is measured in linear form."""

import numpy as np
import pytest
import torch
from linear_pairs import examples, pair_of

from lmc_sweeps.matching.base import NOT_MATCHED
from lmc_sweeps.matching.folding import Folding
from lmc_sweeps.measuring.pairs import compare_pair, method_key


@pytest.mark.parametrize("name", ["vit", "gpt", "mlp"])
def test_it_leaves_b_where_it_is_and_measures_the_line_between_folded_networks(name: str) -> None:
    pair, split = pair_of(name), examples(name)
    result = compare_pair(pair.architecture, pair.a, pair.b, split, split, [Folding()], 3, batch_size=24)
    for group, mapping in result.maps[method_key(Folding())].items():
        np.testing.assert_array_equal(mapping.order, np.arange(pair.graph.sizes[group]))
    (row,) = (row for row in result.runs if row.split == "test")
    distance = sum(float((pair.folded.a[key] - pair.folded.b[key]).square().sum()) for key in pair.a) ** 0.5
    assert (row.matching_status, row.distance) == (NOT_MATCHED, pytest.approx(distance))
    assert row.function_gap < 1e-12


def test_it_is_the_identity_where_nothing_can_be_folded_and_another_line_where_something_is() -> None:
    for name, is_folded in (("mlp", False), ("vit", True)):
        pair = pair_of(name)
        assert any(not torch.equal(tensor, pair.a[key]) for key, tensor in pair.folded.a.items()) == is_folded
