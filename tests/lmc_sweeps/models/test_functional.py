"""Modules as functions of a stack: against the same modules called one by one, finite differences, and the fast path of a chain."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from normalised_networks import by_hand, drawn, normal, tensors
from torch import Tensor, nn
from traced_networks import NETWORKS, resnet20

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.models.base import Shape, stacked, unstack
from lmc_sweeps.models.functional import stacked_gradients, stacked_outputs, stacked_training_outputs
from lmc_sweeps.models.mlp import Mlp

BOTH_WAYS = pytest.mark.parametrize("vmap", [True, False])


def conv_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5, momentum=0.3),
        nn.Tanh(), nn.Flatten(), nn.Linear(5 * 4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3),
    )  # fmt: skip


class Branching(nn.Module):
    """Goes one of two ways by the values that it computes, which torch.vmap cannot follow."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.norm = nn.Linear(4, 3), nn.Linear(4, 3), nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        self.last = x
        return self.norm(self.one(x) if self.one(x).sum() > self.two(x).sum() else self.two(x))


class Changing(nn.Module):
    """Changes its inputs in place, and keeps what it has computed."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.hidden = self.layer(x.mul_(2))
        self.calls += 1
        return self.hidden


class Broken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        raise KeyError("its own mistake")


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer(x), x


def only_norms_in_training(module: nn.Module) -> nn.Module:
    module.eval()
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.train()
    return module


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolutions": (conv_net, (2, 6, 6)),
    "branching": (Branching, (4,)),
    "changing": (Changing, (4,)),
    "resnet": (lambda: resnet20(blocks=1), (3, 8, 8)),
}


@BOTH_WAYS
@pytest.mark.parametrize("own_inputs", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_a_stack_in_evaluation_is_its_modules_one_by_one(case: str, own_inputs: bool, vmap: bool) -> None:
    make, shape = CASES[case]
    modules = [drawn(make, seed) for seed in range(3)]
    inputs = normal(3, 5, *shape) if own_inputs else normal(5, *shape)
    outputs = stacked_outputs(modules[0], stacked([tensors(module) for module in modules]), inputs, own_inputs, vmap)
    for k, module in enumerate(modules):
        expected = module.eval()((inputs[k] if own_inputs else inputs).clone())
        torch.testing.assert_close(outputs[k], expected, rtol=1e-12, atol=1e-12)


@BOTH_WAYS
@pytest.mark.parametrize("own_inputs", [True, False])
@pytest.mark.parametrize("case", ["convolutions", "branching", "resnet"])
def test_a_stack_in_training_is_its_modules_with_batch_norms_in_training_mode_and_so_are_its_buffers(
    case: str, own_inputs: bool, vmap: bool
) -> None:
    make, shape = CASES[case]
    modules = [drawn(make, seed) for seed in range(3)]
    inputs = normal(3, 5, *shape) if own_inputs else normal(5, *shape)
    stack = stacked([tensors(module) for module in modules])
    outputs, buffers = stacked_training_outputs(modules[0], stack, inputs, own_inputs, vmap=vmap)
    assert set(buffers) == {name for name in stack if "running" in name}
    for k, module in enumerate(modules):
        expected = only_norms_in_training(module)(inputs[k] if own_inputs else inputs)
        torch.testing.assert_close(outputs[k], expected, rtol=1e-12, atol=1e-12)
        for name, buffer in buffers.items():
            torch.testing.assert_close(buffer[k], module.get_buffer(name), rtol=1e-12, atol=1e-12)


def test_with_all_layers_in_training_dropout_is_on() -> None:
    module = nn.Sequential(nn.Linear(4, 200), nn.Dropout(0.5)).double()
    stack = stacked([tensors(module)] * 2)
    for all_layers, low, high in ((False, 0, 0), (True, 0.3, 0.7)):
        outputs, _ = stacked_training_outputs(module, stack, normal(2, 5, 4), all_layers=all_layers)
        zeros = (outputs == 0).double().mean((1, 2))
        assert bool(((zeros >= low) & (zeros <= high)).all())


@pytest.mark.parametrize("name", NETWORKS)
def test_of_every_architecture_the_stack_is_its_networks(name: str) -> None:
    network = NETWORKS[name]
    modules = [drawn(network.make, seed) for seed in range(2)]
    inputs = network.example()
    inputs = inputs.double() if inputs.is_floating_point() else inputs
    with torch.no_grad():
        outputs = stacked_outputs(modules[0], stacked([tensors(module) for module in modules]), inputs, vmap=True)
        for k, module in enumerate(modules):
            torch.testing.assert_close(outputs[k], module.eval()(inputs), rtol=1e-10, atol=1e-10)


@BOTH_WAYS
@pytest.mark.parametrize("case", ["convolutions", "branching"])
def test_gradients_are_finite_differences(case: str, vmap: bool) -> None:
    make, shape = CASES[case]
    modules = [drawn(make, seed) for seed in range(2)]
    stack, inputs, labels = stacked([tensors(module) for module in modules]), normal(2, 5, *shape), torch.tensor([0, 1, 2, 0, 1])

    def losses(moved: dict[str, Tensor]) -> Tensor:
        outputs = stacked_outputs(modules[0], moved, inputs, own_inputs=True, vmap=vmap)
        return torch.stack([F.cross_entropy(each, labels, reduction="sum") for each in outputs])

    def at_outputs(outputs: Tensor) -> Tensor:
        return outputs.softmax(-1) - F.one_hot(labels, 3)

    gradients = stacked_gradients(modules[0], stack, inputs, at_outputs, vmap)
    assert {name: gradient.shape for name, gradient in gradients.items()} == {name: tensor.shape for name, tensor in stack.items()}
    assert not any(bool(gradients[name].any()) for name in stack if "running" in name)
    step = 1e-6
    for seed in range(3):
        direction = {name: normal(*tensor.shape, seed=seed) * ("running" not in name) for name, tensor in stack.items()}
        ahead, behind = ({name: stack[name] + sign * step * direction[name] for name in stack} for sign in (1, -1))
        slopes = (losses(ahead) - losses(behind)) / (2 * step)
        products = sum((gradients[name] * direction[name]).flatten(1).sum(1) for name in stack)
        torch.testing.assert_close(products, slopes, rtol=1e-6, atol=1e-6)


def test_the_gradient_of_what_the_outputs_do_not_depend_on_is_zero() -> None:
    module = drawn(Branching, 0)
    gradients = stacked_gradients(module, stacked([tensors(module)] * 2), normal(5, 4).expand(2, 5, 4), torch.ones_like)
    assert sorted(bool((gradients[name] == 0).all()) for name in ("one.weight", "two.weight")) == [False, True]


@BOTH_WAYS
@pytest.mark.parametrize("case", CASES)
def test_nothing_of_the_module_the_stack_or_the_inputs_is_changed(case: str, vmap: bool) -> None:
    make, shape = CASES[case]
    module = drawn(make, 0).train()
    stack, inputs = stacked([tensors(drawn(make, seed)) for seed in (1, 2)]), normal(2, 5, *shape)
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    attributes = [(id(layer), dict(vars(layer))) for layer in module.modules()]
    held = [{name: tensor.clone() for name, tensor in stack.items()}, inputs.clone()]
    stacked_outputs(module, stack, inputs, True, vmap)
    stacked_training_outputs(module, stack, inputs, vmap=vmap)
    stacked_gradients(module, stack, inputs, torch.ones_like, vmap)
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())
    assert [(id(layer), dict(vars(layer))) for layer in module.modules()] == attributes
    assert all(torch.equal(stack[name], held[0][name]) for name in stack)
    assert torch.equal(inputs, held[1])


@BOTH_WAYS
def test_an_error_of_the_modules_own_comes_out_as_it_is(vmap: bool) -> None:
    module = Broken()
    with pytest.raises(KeyError, match="its own mistake") as raised:
        stacked_outputs(module, stacked([tensors(module)] * 2), torch.ones(5, 4), vmap=vmap)
    assert raised.value.__context__ is None


@BOTH_WAYS
def test_outputs_that_are_not_one_tensor_are_refused(vmap: bool) -> None:
    module = Two()
    with pytest.raises(InputError, match="^a network must return one tensor, and a Two returned a tuple.$"):
        stacked_outputs(module, stacked([tensors(module)] * 2), torch.ones(5, 4), vmap=vmap)


def test_tensors_that_the_stack_leaves_out_are_the_modules_own() -> None:
    modules = [drawn(conv_net, seed) for seed in range(2)]
    stack = {name: tensor for name, tensor in stacked([tensors(module) for module in modules]).items() if name == "0.weight"}
    outputs = stacked_outputs(modules[0], stack, normal(5, 2, 6, 6))
    modules[0].get_parameter("0.weight").data.copy_(stack["0.weight"][1])
    torch.testing.assert_close(outputs[1], modules[0].eval()(normal(5, 2, 6, 6)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("networks", [1, 3])
def test_the_default_architecture_is_the_fast_path_of_a_chain(activation: str, bias: bool, networks: int) -> None:
    settings, shape = Mlp(activation=activation, bias=bias), Shape((6,), 8, 2, 3)
    chain = settings.architecture(shape)
    stack = stacked([settings.initial(shape, np.random.default_rng(seed)) for seed in range(networks)])
    module = by_hand(chain.module(unstack(stack, 0)))
    shared, own = normal(9, 6).float(), normal(networks, 9, 6).float()
    torch.testing.assert_close(module.forward(stack, shared), chain.forward(stack, shared), rtol=1e-6, atol=1e-6)
    outputs, buffers = module.training_forward(stack, own)
    expected, no_buffers = chain.training_forward(stack, own)
    torch.testing.assert_close(outputs, expected, rtol=1e-6, atol=1e-6)
    assert buffers == no_buffers == {}
    gradients = [{name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()} for _ in range(2)]
    for architecture, out in zip((module, chain), gradients, strict=True):
        architecture.gradients(stack, own, lambda logits: logits.softmax(-1) / 9, out)
    for name in stack:
        torch.testing.assert_close(gradients[0][name], gradients[1][name], rtol=1e-6, atol=1e-6)
