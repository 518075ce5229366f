"""`folding`: nothing is moved, and what lies between the networks is measured in linear form."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from linear_pairs import examples, pair_of

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import NOT_MATCHED
from lmc_sweeps.matching.folding import Folding
from lmc_sweeps.matching.procrustes import Procrustes
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.measuring.evaluation import outputs_gap
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


def test_the_function_gap_is_that_of_folded_a_too() -> None:
    pair, split = pair_of("vit"), examples("vit")
    a = dict(pair.a)
    a["norm.bias"] = (
        a["norm.bias"] + 1e10
    )  # what the last layer adds is taken off again: as A is, rounding is left of it, folded there is none
    a["head.bias"] = a["head.bias"] - 1e10 * a["head.weight"].sum(1)
    result = compare_pair(pair.architecture, a, pair.b, split, split, [Folding()], 3, batch_size=24)
    (row,) = (row for row in result.runs if row.split == "test")
    expected = outputs_gap(pair.architecture, a, replace(pair, a=a).folded.a, split.inputs, 24)
    assert row.function_gap == pytest.approx(expected)
    assert row.function_gap > 1e-9 > outputs_gap(pair.architecture, pair.b, pair.folded.b, split.inputs, 24)


def test_networks_that_overflow_where_they_are_folded_are_left_as_they_are_and_others_measured() -> None:
    pair, whole = pair_of("vit"), examples("vit")
    a, b = ({name: tensor.float() for name, tensor in network.items()} for network in (pair.a, pair.b))
    b |= {"norm.weight": b["norm.weight"] * 1e30, "head.weight": b["head.weight"] * 1e12}
    split = Split(whole.inputs.float(), whole.labels)
    result = compare_pair(pair.architecture, a, b, split, split, [Rebasin(), Folding(), Procrustes()], 3, batch_size=24)
    distances = {row.matching: row.distance for row in result.runs if row.split == "test"}
    own = sum(float((a[name].double() - b[name].double()).square().sum()) for name in a) ** 0.5
    assert distances["folding"] == pytest.approx(own)
    assert distances["procrustes"] <= distances["rebasin"] <= own
    assert {note.partition(":")[0] for note in result.notes if "is larger than their type holds" in note} == {"folding", "procrustes"}
