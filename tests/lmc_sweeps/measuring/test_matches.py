"""What each method of a pair is shown: some examples, another split, B in another order; and whose permutations come back."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_pairs import TEST, TRAIN, network, perceptron
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.activations import Activations
from lmc_sweeps.matching.annealing import Annealing
from lmc_sweeps.matching.base import Matching, MatchingResult
from lmc_sweeps.matching.covariance import Covariance
from lmc_sweeps.matching.frank_wolfe import FrankWolfe
from lmc_sweeps.matching.identity import Identity
from lmc_sweeps.matching.otfusion import OtFusion
from lmc_sweeps.matching.rebasin import Rebasin
from lmc_sweeps.matching.sinkhorn import Sinkhorn
from lmc_sweeps.matching.straight_through import StraightThrough
from lmc_sweeps.matching.weights import Weights
from lmc_sweeps.measuring.lines import Pair
from lmc_sweeps.measuring.matches import matched

A, B = network(1), network(2)
EQUIVARIANT = [Weights(), Covariance(), Activations(), FrankWolfe(), OtFusion(), OtFusion(transport="sinkhorn")]
DEPENDING = [Rebasin(starts=2), StraightThrough(steps=20), Annealing(steps=20), Sinkhorn(epochs=2)]


def results(methods: list[Matching], train: Split = TRAIN, test: Split = TEST) -> list[MatchingResult]:
    pair = Pair(perceptron(), A, B, batch_size=50)
    return [result for result, _ in matched(pair, {"train": train, "test": test}, methods, 3, lambda stage, detail: None)]


def tensors(maps: Mapping[str, object]) -> dict[str, Tensor]:
    return perceptron().graph(B).apply(B, maps)


@pytest.mark.parametrize("method", EQUIVARIANT, ids=lambda method: f"{method.name}-{getattr(method, 'transport', '')}")
def test_what_does_not_depend_on_the_order_of_neurons_is_the_same_with_b_shuffled(method: Matching) -> None:
    own, shuffled = results([method, replace(method, shuffled=True)])
    for name, tensor in tensors(own.maps).items():
        torch.testing.assert_close(tensors(shuffled.maps)[name], tensor, rtol=1e-6, atol=1e-6)
    assert [layer.matching_cost for layer in shuffled.layers] == pytest.approx([layer.matching_cost for layer in own.layers])


@pytest.mark.parametrize("method", DEPENDING, ids=lambda method: method.name)
def test_permutations_that_come_back_are_those_of_b_as_it_is(method: Matching) -> None:
    """The last objective of these methods is a measure of the permuted network, which must be that of B by what comes back."""
    own, shuffled = results([method, replace(method, shuffled=True)])
    assert own.objective[0] != shuffled.objective[0]  # another order to begin with
    inputs = TEST.inputs
    for result in (own, shuffled):
        moved = {name: tensor.unsqueeze(0) for name, tensor in tensors(result.maps).items()}
        function = perceptron().forward({name: tensor.unsqueeze(0) for name, tensor in B.items()}, inputs)
        torch.testing.assert_close(perceptron().forward(moved, inputs), function, rtol=1e-5, atol=1e-5)
    if isinstance(method, Rebasin):
        distances = [sum(float(((A[name] - tensor) ** 2).sum()) for name, tensor in tensors(each.maps).items()) for each in (own, shuffled)]
        assert distances == pytest.approx([own.objective[-1], shuffled.objective[-1]], rel=1e-5)


@pytest.mark.parametrize("method", [Activations(), Covariance(), StraightThrough(steps=20)], ids=lambda method: method.name)
def test_some_examples_are_those_spread_evenly_and_the_test_split_takes_their_place(method: Matching) -> None:
    few, of_test, few_of_test, all_of_it = results(
        [
            replace(method, matching_examples=30),
            replace(method, matching_split="test"),
            replace(method, matching_examples=20, matching_split="test"),
            method,
        ]
    )
    expected = [
        results([method], train=TRAIN.at_most(30)),
        results([method], train=TEST),
        results([method], train=TEST.at_most(20)),
        results([method]),
    ]
    for result, (alone,) in zip((few, of_test, few_of_test, all_of_it), expected, strict=True):
        for group, order in alone.permutations.items():
            np.testing.assert_array_equal(result.permutations[group], order)
    costs = [result.layers[-1].matching_cost for result in (few, of_test, few_of_test, all_of_it)]
    assert len(set(costs)) == 4


def test_methods_are_told_apart_by_what_they_are_shown_and_keep_their_names_without() -> None:
    hashes = {
        Activations(**settings).settings_hash()
        for settings in ({}, {"matching_examples": 9}, {"matching_split": "test"}, {"shuffled": True})
    }
    assert len(hashes) == 4
    assert Activations().settings_hash() in hashes


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Activations(matching_examples=0), "`matching.activations.matching_examples` must be a positive integer, got 0."),
        (lambda: Covariance(matching_split="dev"), "`matching.covariance.matching_split` must be one of test, train, got 'dev'."),
        (
            lambda: Weights(matching_examples=5),
            "`matching.weights.matching_examples` must not be set, got 5: weights does not depend on it.",
        ),
        (
            lambda: Rebasin(matching_split="test"),
            "`matching.rebasin.matching_split` must not be set, got test: rebasin does not depend on it.",
        ),
        (lambda: Sinkhorn(shuffled=1), "`matching.sinkhorn.shuffled` must be true or false, got 1."),
        (lambda: Identity(shuffled=True), "`matching.identity.shuffled` must not be set, got True: identity does not depend on it."),
    ],
)
def test_settings_that_cannot_be_are_named(build, message: str) -> None:
    with pytest.raises(InputError) as error:
        build()
    assert message in str(error.value)
