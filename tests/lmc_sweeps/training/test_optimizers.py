"""Optimizers: `torch.optim` step by step, the same bits wherever a number lies, and settings that are refused."""

import copy

import pytest
import torch
from torch import Tensor

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.training.flat import Flat
from lmc_sweeps.training.optimizers import OPTIMIZERS, Adam, AdamW, Optimizer, Sgd

STEPS, NETWORKS = 20, 3
SHAPES = {"layer.weight": (16, 32), "layer.bias": (16,)}  # multiples of a cache line, as padding makes them
ADAM = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}

# Ours beside the constructor of torch's with the same numbers.
PAIRS = [
    (Sgd(momentum=0.0), lambda p: torch.optim.SGD(p)),
    (Sgd(momentum=0.9), lambda p: torch.optim.SGD(p, momentum=0.9)),
    (Sgd(momentum=0.7, weight_decay=0.1), lambda p: torch.optim.SGD(p, momentum=0.7, weight_decay=0.1)),
    (Adam(), lambda p: torch.optim.Adam(p)),
    (Adam(weight_decay=0.1, **ADAM), lambda p: torch.optim.Adam(p, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
    (AdamW(), lambda p: torch.optim.AdamW(p)),
    (AdamW(weight_decay=0.3, **ADAM), lambda p: torch.optim.AdamW(p, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.3)),
]


def draws(dtype: torch.dtype, networks: int = NETWORKS) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """Return a stack of parameters and a stack of gradients for every step."""
    rng = torch.Generator().manual_seed(5)

    def draw() -> dict[str, Tensor]:
        return {name: torch.randn(networks, *shape, generator=rng, dtype=torch.float64).to(dtype) for name, shape in SHAPES.items()}

    return draw(), [draw() for _ in range(STEPS)]


def run(optimizer: Optimizer, stack: dict[str, Tensor], gradients: list[dict[str, Tensor]], lr: list[float]) -> dict[str, Tensor]:
    """Return a stack after twenty steps."""
    stack = copy.deepcopy(stack)
    buffers = {kind: [torch.zeros_like(tensor) for tensor in stack.values()] for kind in optimizer.buffers}
    for step in range(STEPS):
        optimizer.update(list(stack.values()), list(gradients[step].values()), buffers, lr[step], step)
    return stack


def pick(stack: dict[str, Tensor], k: int) -> dict[str, Tensor]:
    return {name: tensor[k : k + 1].clone() for name, tensor in stack.items()}


RATES = torch.linspace(0.001, 0.05, STEPS, dtype=torch.float64).tolist()


@pytest.mark.parametrize(("optimizer", "torch_optimizer"), PAIRS, ids=[repr(optimizer) for optimizer, _ in PAIRS])
def test_twenty_steps_are_those_of_torch(optimizer, torch_optimizer):
    stack, gradients = draws(torch.float64)
    stack_after = run(optimizer, stack, gradients, RATES)
    parameters = {name: torch.nn.Parameter(tensor.clone()) for name, tensor in stack.items()}
    reference = torch_optimizer(list(parameters.values()))  # one tensor after the other, not fused
    for step in range(STEPS):
        reference.param_groups[0]["lr"] = RATES[step]
        for name, parameter in parameters.items():
            parameter.grad = gradients[step][name].clone()
        reference.step()
    for name, parameter in parameters.items():
        # The order of operations differs, so twenty steps differ by a few units in the last place of float64.
        torch.testing.assert_close(stack_after[name], parameter.detach(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("optimizer", [optimizer for optimizer, _ in PAIRS], ids=repr)
def test_a_network_takes_the_same_steps_bit_for_bit_alone_and_in_any_part_of_a_buffer(optimizer, threads):
    before = torch.get_num_threads()
    stack, gradients = draws(torch.float32, networks=7)
    flat = {"all": Flat.copied(stack).whole}
    flat_gradients = [{"all": Flat.copied(gradient).whole} for gradient in gradients]
    try:
        torch.set_num_threads(threads)
        together = run(optimizer, stack, gradients, RATES)
        side_by_side = run(optimizer, flat, flat_gradients, RATES)["all"]
        assert torch.equal(side_by_side, Flat.copied(together).whole)
        torch.set_num_threads(1)
        for k in range(7):
            alone = run(optimizer, pick(stack, k), [pick(gradient, k) for gradient in gradients], RATES)
            for name in SHAPES:
                assert torch.equal(together[name][k], alone[name][0])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("optimizer", [optimizer for optimizer, _ in PAIRS], ids=repr)
def test_a_learning_rate_of_zero_moves_nothing(optimizer):
    stack, gradients = draws(torch.float32)
    stack_after = run(optimizer, stack, gradients, [0.0] * STEPS)
    for name in SHAPES:
        assert torch.equal(stack_after[name], stack[name])


def test_the_gradients_are_not_changed():
    for optimizer, _ in PAIRS:
        stack, gradients = draws(torch.float32)
        before = copy.deepcopy(gradients)
        run(optimizer, stack, gradients, RATES)
        for step in range(STEPS):
            for name in SHAPES:
                assert torch.equal(gradients[step][name], before[step][name])


def test_the_defaults_are_those_of_torch_except_the_learning_rate_and_the_momentum_of_sgd():
    of_sgd, of_adam, of_adamw = (kind([torch.nn.Parameter(torch.zeros(1))]).defaults for _, kind in (PAIRS[0], PAIRS[3], PAIRS[5]))
    assert Sgd().weight_decay == of_sgd["weight_decay"]
    for optimizer, defaults in ((Adam(), of_adam), (AdamW(), of_adamw)):
        assert (optimizer.lr, (optimizer.beta1, optimizer.beta2), optimizer.epsilon) == (defaults["lr"], defaults["betas"], defaults["eps"])
        assert optimizer.weight_decay == defaults["weight_decay"]


def test_optimizers_are_known_by_their_names():
    assert OPTIMIZERS == {"sgd": Sgd, "adam": Adam, "adamw": AdamW}


@pytest.mark.parametrize("optimizer", [Sgd, Adam, AdamW])
@pytest.mark.parametrize("lr", [0, -1, float("nan"), float("inf"), "abc", None, True])
def test_a_learning_rate_that_is_no_positive_number_is_refused(optimizer, lr):
    with pytest.raises(InputError, match=rf"`optimizer\.lr` must be a finite number above 0, got {lr!r}\."):
        optimizer(lr=lr)


@pytest.mark.parametrize(
    ("optimizer", "changes", "message"),
    [
        (Sgd, {"momentum": 1}, r"`optimizer\.momentum` must be a finite number at least 0 and below 1, got 1\."),
        (Sgd, {"momentum": -0.1}, r"`optimizer\.momentum` must be a finite number at least 0 and below 1, got -0\.1\."),
        (Sgd, {"weight_decay": -1e-4}, r"`optimizer\.weight_decay` must be a finite number at least 0, got -0\.0001\."),
        (Adam, {"beta1": 1.0}, r"`optimizer\.beta1` must be a finite number at least 0 and below 1, got 1\.0\."),
        (Adam, {"beta2": "x"}, r"`optimizer\.beta2` must be a finite number at least 0 and below 1, got 'x'\."),
        (AdamW, {"epsilon": 0}, r"`optimizer\.epsilon` must be a finite number at least 1e-16, got 0\."),
        (AdamW, {"weight_decay": float("inf")}, r"`optimizer\.weight_decay` must be a finite number at least 0, got inf\."),
    ],
)
def test_settings_out_of_range_are_refused(optimizer, changes, message):
    with pytest.raises(InputError, match=message):
        optimizer(**changes)
