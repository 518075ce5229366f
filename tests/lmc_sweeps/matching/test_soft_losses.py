"""Losses of soft permutations: at permutations those of permuted networks, their gradients against finite differences."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from loss_problems import KINDS, LossPair, chains, traced

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.matching.base import MatchingProblem
from lmc_sweeps.matching.soft_losses import DistanceLoss, MidpointLoss, SoftLoss
from lmc_sweeps.matching.tensor_maps import TensorMap
from lmc_sweeps.maths.doubly_stochastic import balanced

PAIRS = ["chain", *KINDS]


def pair_of(kind: str) -> LossPair:
    return chains(6, depth=2) if kind == "chain" else traced(kind)


def losses(problem: MatchingProblem) -> dict[str, SoftLoss]:
    return {"distance": DistanceLoss(problem), "midpoint": MidpointLoss(problem, 10_000, 10_000)}


def soft_permutations(problem: MatchingProblem, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {group: balanced(rng.standard_normal((n, n)), 1e-13).matrix for group, n in problem.sizes.items()}


def test_a_soft_permutation_gives_means_of_neurons_and_a_hard_one_an_order() -> None:
    rng = np.random.default_rng(0)
    tensor, order = torch.from_numpy(rng.standard_normal((3, 5, 2))), rng.permutation(5)
    hard, soft = (TensorMap(torch.from_numpy(matrix)) for matrix in (np.eye(5)[order], np.full((5, 5), 0.2)))
    assert (soft.n_a, soft.n_b, soft.is_permutation) == (5, 5, False)
    np.testing.assert_array_equal(hard.apply(tensor, 1), tensor[:, order])
    np.testing.assert_allclose(soft.apply(tensor, 1), tensor.mean(1, keepdim=True).expand(3, 5, 2))


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("name", ["distance", "midpoint"])
def test_at_permutations_the_loss_is_that_of_the_permuted_network(kind: str, name: str) -> None:
    pair = pair_of(kind)
    problem = pair.problem()
    loss, rng = losses(problem)[name], np.random.default_rng(1)
    orders = {group: rng.permutation(n) for group, n in problem.sizes.items()}
    value = loss.value_and_gradient({group: np.eye(len(order))[order] for group, order in orders.items()})[0]
    assert value == pytest.approx(loss.of_orders(orders), rel=1e-9)
    if name == "midpoint":
        assert value == pytest.approx(pair.midpoint_loss(orders), rel=1e-9)
    else:
        moved = problem.graph.apply(pair.b, orders)
        parameters = [key for key in moved if key not in problem.graph.buffers]
        assert value == pytest.approx(sum(float(((pair.a[key] - moved[key]) ** 2).sum()) for key in parameters), rel=1e-9)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("name", ["distance", "midpoint"])
def test_the_gradient_is_that_of_finite_differences(kind: str, name: str) -> None:
    problem = pair_of(kind).problem()
    for statistic in problem.graph.buffers & set(
        problem.a.weights
    ):  # statistics of batch norms, which have no gradient, do not change then
        for view in problem.views:
            view.weights[statistic][...] = 1.0
    loss, maps = losses(problem)[name], soft_permutations(problem)
    gradients = loss.value_and_gradient(maps)[1]
    rng = np.random.default_rng(2)
    for group, matrix in maps.items():
        direction = rng.standard_normal(matrix.shape)
        direction -= direction.mean(1, keepdims=True)  # the sums of rows stay 1
        ends = [_value(loss, {**maps, group: matrix + step * direction}) for step in (1e-5, -1e-5)]
        np.testing.assert_allclose(np.vdot(gradients[group], direction), (ends[0] - ends[1]) / 2e-5, rtol=1e-5, atol=1e-6)


def _value(loss: SoftLoss, maps: Mapping[str, np.ndarray]) -> float:
    return loss.value_and_gradient(maps)[0]


@pytest.mark.parametrize("name", ["distance", "midpoint"])
def test_networks_are_mapped_with_the_digits_that_the_loss_has(name: str) -> None:
    """A network in float32 is evaluated in float32, so that halfway it is made in float32; distances keep float64."""
    exact = chains(6, depth=2)
    a, b = ({key: tensor.float() for key, tensor in network.items()} for network in (exact.a, exact.b))
    rounded = LossPair(exact.architecture, a, b, Split(exact.train.inputs.float(), exact.train.labels))
    maps = soft_permutations(exact.problem())
    single, double = (losses(pair.problem())[name] for pair in (rounded, exact))
    assert (single.dtype, double.dtype) == (torch.float32 if name == "midpoint" else torch.float64, torch.float64)
    (value, gradients), (expected, slopes) = single.value_and_gradient(maps), double.value_and_gradient(maps)
    assert value == pytest.approx(expected, rel=1e-5)
    for group, slope in slopes.items():
        assert gradients[group].dtype == np.float64
        np.testing.assert_allclose(gradients[group], slope, rtol=1e-4, atol=1e-5 * np.abs(slope).max())
