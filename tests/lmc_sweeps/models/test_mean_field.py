"""The two-layer network in the mean-field scaling: its function, its gradients, and neurons that move O(1) at every width."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.gaussian_mixture import GaussianMixture
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.measuring.evaluation import evaluate
from lmc_sweeps.measuring.gaps import relative_movement
from lmc_sweeps.models.base import Shape, stacked, unstack
from lmc_sweeps.models.mean_field import MeanField, MeanFieldNetwork
from lmc_sweeps.models.padding import pad, unpad
from lmc_sweeps.training.gradients import loss_gradient
from lmc_sweeps.training.loop import initial_state, train
from lmc_sweeps.training.optimizers import Sgd
from lmc_sweeps.training.recipe import Recipe, Training

INPUTS, N, CLASSES = 4, 11, 3
X = torch.from_numpy(np.random.default_rng(0).standard_normal((50, INPUTS)).astype(np.float32))


def network(seed: int = 0, model: MeanField | None = None, width: int = N) -> dict[str, torch.Tensor]:
    return (model or MeanField()).initial(Shape((INPUTS,), width, 1, CLASSES), np.random.default_rng(seed))


def by_hand(p: dict[str, torch.Tensor], activation=torch.tanh) -> torch.Tensor:
    hidden = activation(X @ p["hidden_1.weight"].T + p["hidden_1.bias"])
    return sum(hidden[:, i, None] * p["output.weight"][:, i] for i in range(hidden.shape[1])) / hidden.shape[1]


@pytest.mark.parametrize(("name", "function"), [("tanh", torch.tanh), ("relu", torch.relu)])
def test_the_output_is_the_mean_over_neurons(name: str, function: object) -> None:
    model, p = MeanField(activation=name), network()
    architecture = model.architecture(Shape((INPUTS,), N, 1, CLASSES))
    for logits in (
        architecture.forward(stacked([p]), X)[0],
        architecture.module(p)(X),
        architecture.forward(stacked([pad(p)]), pad_inputs())[0],
    ):
        torch.testing.assert_close(logits, by_hand(p, function), rtol=1e-5, atol=1e-6)


def pad_inputs() -> torch.Tensor:
    return F.pad(X, (0, 16 - INPUTS))


def test_gradients_are_n_times_those_with_respect_to_the_weights() -> None:
    p = {name: tensor.requires_grad_() for name, tensor in network().items()}
    labels = torch.arange(len(X)) % CLASSES
    F.cross_entropy(by_hand(p), labels).backward()
    out = {name: torch.empty(1, *tensor.shape) for name, tensor in p.items()}
    targets = F.one_hot(labels, CLASSES).float().unsqueeze(0)
    stack = {name: tensor.detach().unsqueeze(0) for name, tensor in p.items()}
    with torch.no_grad():
        MeanField().architecture(Shape((INPUTS,), N, 1, CLASSES)).gradients(stack, X.unsqueeze(0), lambda z: loss_gradient(z, targets), out)
    for name, tensor in p.items():
        torch.testing.assert_close(out[name][0], N * tensor.grad, rtol=1e-4, atol=1e-6)


def test_a_network_that_computes_something_else_has_the_gradients_of_that() -> None:
    class Doubled(MeanFieldNetwork):
        """One whose outputs are twice as large."""

        def forward(self, stack: Mapping[str, torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(stack, inputs)

    stack = {name: tensor.double() for name, tensor in stacked([network()]).items()}
    pull = torch.randn(1, len(X), CLASSES, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    plain, doubled = ({name: torch.empty_like(tensor) for name, tensor in stack.items()} for _ in range(2))
    MeanFieldNetwork(torch.nn.ReLU(), N, CLASSES).gradients(stack, X.double().unsqueeze(0), lambda logits: pull, plain)
    Doubled(torch.nn.ReLU(), N, CLASSES).gradients(stack, X.double().unsqueeze(0), lambda logits: pull, doubled)
    for name, gradient in plain.items():
        torch.testing.assert_close(doubled[name], 2 * gradient, rtol=1e-12, atol=1e-14)


def test_a_permuted_network_is_the_same_function_and_the_line_is_that_of_the_weights() -> None:
    architecture = MeanField().architecture(Shape((INPUTS,), N, 1, CLASSES))
    a, b = network(0), network(1)
    moves = {"hidden_1": np.random.default_rng(2).permutation(N)}
    moved = apply_permutations(b, architecture.spec, moves)
    torch.testing.assert_close(by_hand(moved), by_hand(b), rtol=1e-5, atol=1e-6)
    t = torch.tensor([0.0, 0.25, 1.0])
    line = architecture.line_logits(a, b, [moves], t, X)[0]
    for k, part in enumerate(t.tolist()):
        torch.testing.assert_close(line[k], by_hand({n: (1 - part) * a[n] + part * moved[n] for n in a}), rtol=1e-5, atol=1e-6)


def test_the_law_of_the_first_weights_is_bounded_and_does_not_depend_on_the_width() -> None:
    for width in (500, 5000):
        p = network(3, width=width)
        for name, variance in (("hidden_1.weight", 1 / INPUTS), ("hidden_1.bias", 1.0), ("output.weight", 1.0)):
            w = p[name].double()
            assert float(w.abs().max()) <= math.sqrt(3 * variance) * (1 + 1e-6)
            assert float(w.var()) == pytest.approx(variance, rel=5 * math.sqrt(0.8 / w.numel()))  # kurtosis 1.8


@pytest.mark.slow
def test_training_moves_the_neurons_as_much_at_every_width() -> None:
    data = GaussianMixture(ambient_dimension=2, intrinsic_dimension=2, classes=3, train_size=1000, test_size=1000).load()
    movements, losses = [], []
    for width in (64, 512):
        model = MeanField()
        architecture = model.architecture(Shape((2,), width, 1, 3))
        starts = [model.initial(Shape((2,), width, 1, 3), np.random.default_rng(seed)) for seed in range(3)]
        stack = initial_state(Sgd(lr=0.1, momentum=0.0), stacked([pad(start) for start in starts]))
        recipes = [Recipe(seed=seed, number=0, optimizer=Sgd(lr=0.1, momentum=0.0), training=Training(epochs=5)) for seed in range(3)]
        split = type(data.train)(F.pad(data.train.inputs, (0, 14)), data.train.labels)
        trained = train(architecture, stack, recipes, split).parameters
        shapes = {name: tensor.shape for name, tensor in starts[0].items()}
        ends = [unpad(unstack(trained, k), shapes) for k in range(3)]
        movements.append(np.mean([relative_movement(start, end) for start, end in zip(starts, ends, strict=True)]))
        losses.append(evaluate(architecture, stacked(ends), data.test).loss.mean())
    assert movements[0] > 0.3
    np.testing.assert_allclose(movements[1], movements[0], rtol=0.1)
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.1)


def test_it_has_one_hidden_layer() -> None:
    with pytest.raises(InputError, match=r"^`depth` must be 1 for model=mean_field, a two-layer network, got 2\.$"):
        MeanField().check_shape(Shape((4,), 8, 2, 10))
    with pytest.raises(InputError, match="`model.activation` must be one of relu, tanh, got 'gelu'"):
        MeanField(activation="gelu")
