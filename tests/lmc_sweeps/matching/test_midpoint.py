"""The midpoint of two networks: against the point of the line, for any graph, and its fixed batch."""

import numpy as np
import pytest
from loss_problems import KINDS, chains, traced

from lmc_sweeps.matching.midpoint import Midpoint, draw_examples


@pytest.mark.parametrize("name", KINDS)
def test_its_loss_is_that_halfway_along_the_line_whatever_the_network(name: str) -> None:
    pair = traced(name)
    problem = pair.problem()
    midpoint, rng = Midpoint(problem, 1000), np.random.default_rng(1)
    orders = {group: rng.permutation(size) for group, size in problem.sizes.items()}
    assert midpoint.loss(midpoint.weights(orders)) == pytest.approx(pair.midpoint_loss(orders), rel=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_a_group_moves_the_tensors_that_it_names_and_no_others(name: str) -> None:
    problem = traced(name).problem()
    midpoint, rng = Midpoint(problem, 1000), np.random.default_rng(1)
    orders = {group: rng.permutation(size) for group, size in problem.sizes.items()}
    before = midpoint.weights(orders)
    for group, size in problem.sizes.items():
        moved = {**orders, group: np.roll(orders[group], 1)} if size > 1 else orders
        after = midpoint.weights(moved)
        expected = {**before, **midpoint.weights(moved, midpoint.names(group))}
        for name, tensor in after.items():
            np.testing.assert_array_equal(tensor.numpy(), expected[name].numpy())


def test_the_batch_is_drawn_once_without_replacement_and_is_all_where_there_are_no_more() -> None:
    pair = chains(4)
    assert draw_examples(pair.problem(), 60) is None
    few = draw_examples(pair.problem(), 20)
    assert few is not None
    assert len(set(few.tolist())) == 20
    problem = pair.problem()
    midpoint = Midpoint(problem, 20)
    weights = midpoint.weights({})
    assert midpoint.loss(weights) == midpoint.loss(weights) == problem.loss.loss(weights, few)  # type: ignore[union-attr]


def test_a_loss_that_is_not_finite_is_infinite() -> None:
    midpoint = Midpoint(chains(4).problem(), 60)
    weights = midpoint.weights({})
    assert midpoint.loss({name: tensor * float("nan") for name, tensor in weights.items()}) == float("inf")
