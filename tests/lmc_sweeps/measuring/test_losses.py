"""The training loss as a function of weights: against the evaluation, and its gradient against finite differences."""

import numpy as np
import pytest
import torch
from torch import nn

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.measuring.losses import TrainingLoss
from lmc_sweeps.models.base import Architecture, Shape, stacked
from lmc_sweeps.models.criteria import criterion_of
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.graph import Graph

RNG = np.random.default_rng(0)
INPUTS = torch.from_numpy(RNG.standard_normal((23, 5)))
LABELS = torch.from_numpy(RNG.integers(0, 3, 23))
SHAPE = Shape((5,), 4, 2, 3)
NETWORK = {name: tensor.double() for name, tensor in Mlp(activation="tanh").initial(SHAPE, np.random.default_rng(1)).items()}
CHAIN = Mlp(activation="tanh").architecture(SHAPE)


def regression() -> Architecture:
    module = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    architecture = TorchModule(
        module, Graph.by_hand({name: (None,) * t.dim() for name, t in module.state_dict().items()}, module.state_dict())
    )
    architecture.criterion = criterion_of("squared_error")
    return architecture


CASES = {
    "chain": (CHAIN, NETWORK, Split(INPUTS, LABELS)),
    "regression": (
        regression(),
        {f"{k}.{kind}": NETWORK[f"{name}.{kind}"] for k, name in ((0, "hidden_1"), (2, "output")) for kind in ("weight", "bias")},
        Split(INPUTS, torch.from_numpy(RNG.standard_normal((23, 3)))),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("batch_size", [7, 100])
def test_the_loss_is_that_of_the_evaluation_and_its_gradient_that_of_finite_differences(name: str, batch_size: int) -> None:
    architecture, network, train = CASES[name]
    loss = TrainingLoss(architecture, network, train, batch_size)
    weights = {key: tensor.numpy() for key, tensor in network.items()}
    value, gradient = loss.value_and_gradient(weights)
    assert value == pytest.approx(loss.loss(weights), rel=1e-12)
    assert value == pytest.approx(float(evaluate(architecture, stacked([network]), train).loss[0]), rel=1e-12)
    for key, array in weights.items():
        for index in list(np.ndindex(array.shape))[::3]:
            ends = []
            for step in (1e-6, -1e-6):
                changed = array.copy()
                changed[index] += step
                ends.append(loss.loss({**weights, key: changed}))
            np.testing.assert_allclose(gradient[key][index], (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("batch_size", [2, 100])
def test_labels_that_are_not_counted_change_nothing_even_where_a_batch_has_no_others(batch_size: int) -> None:
    module = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 3)).double()
    network = {name: tensor.detach() for name, tensor in module.state_dict().items()}
    architecture = TorchModule(module, Graph.by_hand({name: (None,) * t.dim() for name, t in network.items()}, network))
    architecture.criterion = criterion_of("cross_entropy")
    ids, labels = torch.from_numpy(RNG.integers(0, 6, (9, 5))), torch.from_numpy(RNG.integers(0, 3, (9, 5)))
    labels[:4] = -100
    labels[6, 2] = -100
    weights = {name: tensor.numpy() for name, tensor in network.items()}
    loss = TrainingLoss(architecture, network, Split(ids, labels), batch_size)
    value, gradient = loss.value_and_gradient(weights)
    assert value == pytest.approx(loss.loss(weights), rel=1e-12)
    counted, expected = TrainingLoss(architecture, network, Split(ids[4:], labels[4:])).value_and_gradient(weights)
    assert value == pytest.approx(counted, rel=1e-12)
    for name, array in expected.items():
        np.testing.assert_allclose(gradient[name], array, rtol=1e-10, atol=1e-15)


def test_some_examples_alone_give_the_loss_on_these() -> None:
    chosen = np.array([3, 0, 17])
    loss = TrainingLoss(CHAIN, NETWORK, Split(INPUTS, LABELS))
    few = TrainingLoss(CHAIN, NETWORK, Split(INPUTS[chosen], LABELS[chosen]))
    weights = {key: tensor.numpy() for key, tensor in NETWORK.items()}
    assert (loss.n_examples, few.n_examples) == (23, 3)
    assert loss.loss(weights, chosen) == loss.on(chosen).loss(weights) == few.loss(weights)
    assert (loss.on(chosen).n_examples, loss.on(None).n_examples) == (3, 23)
    value, gradient = loss.value_and_gradient(weights, chosen)
    other, expected = few.value_and_gradient(weights)
    assert value == other
    for key, array in expected.items():
        np.testing.assert_array_equal(gradient[key], array)
