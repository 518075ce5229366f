"""`procrustes`: planted coordinates are found, functions are kept, and without coordinates it ends where `rebasin` gains nothing more."""

from dataclasses import replace

import numpy as np
import pytest
from linear_pairs import examples, pair_of, planted, problem_of

from lmc_sweeps.matching.base import LOCAL, Matching, MatchingResult
from lmc_sweeps.matching.procrustes import Procrustes
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.measuring.evaluation import outputs_gap
from lmc_sweeps.measuring.gaps import distance
from lmc_sweeps.measuring.lines import Pair
from lmc_sweeps.measuring.matches import matched

TRANSFORMERS = ["vit", "gpt"]


def result_of(pair: Pair, name: str, method: Matching = Procrustes()) -> MatchingResult:  # noqa: B008
    split = examples(name)
    return matched(pair, {"train": split, "test": split}, [method], 0, lambda stage, detail: None)[0][0]


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_network_in_other_coordinates_is_found(name: str) -> None:
    pair = planted(pair_of(name))
    result = result_of(pair, name)
    moved = pair.folded.graph.apply(pair.folded.b, result.maps)
    assert distance(pair.folded.a, moved) < 1e-9
    assert result.objective[-1] < 1e-18
    assert max(layer.matching_cost for layer in result.layers) < 1e-12


@pytest.mark.parametrize("name", [*TRANSFORMERS, "mlp"])
def test_mapped_b_is_bs_function_nearer_than_without_maps(name: str) -> None:
    pair = pair_of(name)
    result, ends = result_of(pair, name), pair.folded
    moved = ends.graph.apply(ends.b, result.maps)
    assert outputs_gap(pair.architecture, pair.b, moved, examples(name).inputs) < 1e-12
    assert result.objective == tuple(sorted(result.objective, reverse=True))
    np.testing.assert_allclose(distance(ends.a, moved) ** 2, result.objective[-1], rtol=1e-9)
    assert distance(ends.a, moved) < distance(ends.a, ends.b)
    assert (result.status, result.is_permutation) == (LOCAL, True)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_rotations_bring_networks_nearer_than_permutations_of_the_same_form(name: str) -> None:
    pair = pair_of(name)
    problem = problem_of(pair, name)
    permuted = Rebasin()(replace(problem, linear={}))
    assert result_of(pair, name).objective[-1] < permuted.objective[-1]


def test_of_a_network_without_coordinates_it_ends_where_no_permutation_gains() -> None:
    pair = pair_of("mlp")
    result = result_of(pair, "mlp")
    assert set(result.permutations) == set(pair.graph.sizes)
    search = Rebasin().search(problem_of(pair, "mlp"), result.permutations, most_sweeps=1)
    for group, order in search.state.items():
        np.testing.assert_array_equal(order, result.permutations[group])


@pytest.mark.parametrize("name", [*TRANSFORMERS, "mlp"])
def test_it_does_not_depend_on_the_order_of_bs_neurons(name: str) -> None:
    pair = pair_of(name)
    own, shuffled = (result_of(pair, name, Procrustes(shuffled=value)) for value in (False, True))
    np.testing.assert_allclose(shuffled.objective[-1], own.objective[-1], rtol=1e-9)
    ends = pair.folded
    tensors = [ends.graph.apply(ends.b, result.maps) for result in (own, shuffled)]
    for key, tensor in tensors[0].items():
        np.testing.assert_allclose(tensors[1][key], tensor, atol=1e-7)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_costs_of_groups_are_mean_squared_distances_of_matched_neurons(name: str) -> None:
    """The squared distance over all tensors with a group, by neuron; that of the identity is with this group's map left out.

    Heads that stay where they are have the coordinates in which they are nearest: never farther than in their own.
    """
    pair = pair_of(name)
    result, ends = result_of(pair, name), pair.folded
    for layer in result.layers:
        names = {tensor for tensor, _ in ends.graph.holders(layer.layer_name)}
        for maps, cost in ((result.maps, layer.matching_cost), ({**result.maps, layer.layer_name: None}, layer.identity_cost)):
            moved = ends.graph.apply(ends.b, {group: mapping for group, mapping in maps.items() if mapping is not None})
            squares = sum(float((ends.a[key] - moved[key]).square().sum()) for key in names)
            expected = squares / ends.graph.sizes[layer.layer_name]
            if layer.layer_name.endswith("query[0]"):
                assert layer.matching_cost <= layer.identity_cost * (1 + 1e-9)
                assert cost <= expected * (1 + 1e-6)
            else:
                assert cost == pytest.approx(expected, rel=1e-9)
