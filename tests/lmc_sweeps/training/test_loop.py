"""Training of stacks: the bits of a network do not depend on its company, and the numbers are those of a plain torch loop."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lmc_sweeps.common.seeding import generator
from lmc_sweeps.common.subnormals import SubnormalsAsZeros, are_zeros
from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Shape, stacked, unstack
from lmc_sweeps.models.mlp import Mlp
from lmc_sweeps.models.padding import pad_axes
from lmc_sweeps.training.batches import data_orders
from lmc_sweeps.training.gradients import loss_gradient
from lmc_sweeps.training.loop import StackState, initial_state, train
from lmc_sweeps.training.optimizers import Adam, AdamW, Optimizer, Sgd
from lmc_sweeps.training.recipe import Recipe, Training

SEED, INPUTS, CLASSES = 11, 12, 4
OPTIMIZERS = [Sgd(lr=0.1, weight_decay=0.01), Adam(lr=0.01), AdamW(lr=0.01)]
EXAMPLES = 70  # with batches of 32: 32, 32 and a short one of 6


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def examples(n: int = EXAMPLES, inputs: int = INPUTS) -> Split:
    rng = torch.Generator().manual_seed(1)
    return Split(torch.randn(n, inputs, generator=rng), torch.randint(CLASSES, (n,), generator=rng))


def networks(numbers: list[int], width: int = 16, depth: int = 1, inputs: int = INPUTS) -> dict[str, Tensor]:
    draws = [Mlp().initial(Shape((inputs,), width, depth, CLASSES), generator(SEED, "network", k, "initialisation")) for k in numbers]
    return stacked(draws)


@dataclass
class Trained:
    stack: dict[str, Tensor]

    @property
    def finite(self) -> tuple[bool, ...]:
        networks = [unstack(self.stack, k) for k in range(len(self.stack["output.bias"]))]
        return tuple(all(bool(tensor.isfinite().all()) for tensor in network.values()) for network in networks)


def trained(
    numbers: list[int],
    optimizer: Optimizer = OPTIMIZERS[0],
    training: Training | None = None,
    split: Split | None = None,
    initial: dict[str, Tensor] | None = None,
    threads: int = 1,
    width: int = 16,
    depth: int = 1,
    optimizers: list[Optimizer] | None = None,
    go_on_after: int | None = None,
) -> Trained:
    """Train networks as sweeps do: padded, in a stack, and stopped and gone on with after some steps where that is asked for."""
    split = examples() if split is None else split
    n_inputs = split.inputs.shape[1]
    architecture = Mlp().architecture(Shape((n_inputs,), width, depth, CLASSES))
    initial = networks(numbers, width, depth, n_inputs) if initial is None else initial
    torch.set_num_threads(threads)
    training = training or Training(epochs=3, batch_size=32)
    each = optimizers or [optimizer] * len(numbers)
    recipes = [Recipe(seed=SEED, number=k, optimizer=own, training=training) for k, own in zip(numbers, each, strict=True)]
    split = Split(pad_axes(split.inputs, [1]), split.labels)
    state = initial_state(each[0], {name: pad_axes(tensor, range(1, tensor.dim())) for name, tensor in initial.items()})
    if go_on_after is not None:
        state = train(architecture, state, recipes, split, steps=go_on_after)
        assert state.step == go_on_after
    state = train(architecture, state, recipes, split)
    stack = {name: tensor[tuple(slice(size) for size in initial[name].shape)] for name, tensor in state.parameters.items()}
    return Trained(stack)


def assert_same_bits(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert list(left) == list(right)
    for name in left:
        assert torch.equal(left[name], right[name]), name


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
def test_a_network_of_a_stack_has_the_bits_of_the_network_trained_alone(optimizer, threads):
    alone = [trained([number], optimizer, threads=1).stack for number in range(5)]
    for k in (1, 2, 3, 5):
        together = trained(list(range(k)), optimizer, threads=threads).stack
        for number in range(k):
            assert_same_bits(unstack(together, number), unstack(alone[number], 0))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
def test_wide_and_deep_networks_keep_their_bits_in_a_stack_and_with_two_threads(optimizer):
    # Large enough for the libraries to split products over threads, and over the stack.
    split, training = examples(300, 784), Training(epochs=1, batch_size=128)
    alone = trained([1], optimizer, training, split, width=512, depth=2)
    for threads in (1, 2):
        together = trained([0, 1, 2], optimizer, training, split, threads=threads, width=512, depth=2)
        assert_same_bits(unstack(together.stack, 1), unstack(alone.stack, 0))


@pytest.mark.parametrize(
    ("width", "batch_size"),
    [
        (16, 32),
        (18, 30),
        (1, 32),
        (2, 31),
        (17, 33),
        (14, 33),
        (100, 64),
    ],
)
def test_networks_of_every_size_keep_their_bits_in_a_stack(width, batch_size):
    # MKL's products depend on the address of a matrix: without padding odd sizes put the networks of a stack at odd addresses
    split, training = examples(7 * batch_size, 61), Training(epochs=2, batch_size=batch_size)
    together = trained([0, 1, 2], OPTIMIZERS[0], training, split, width=width, threads=2)
    for number in range(3):
        alone = trained([number], OPTIMIZERS[0], training, split, width=width)
        assert_same_bits(unstack(together.stack, number), unstack(alone.stack, 0))


def test_the_numbers_are_those_of_a_plain_torch_loop_on_the_same_data_order():
    training = Training(epochs=4, batch_size=32, schedule="warmup_cosine", warmup_steps=3, warmup_lr=0.01)
    optimizer, split = Sgd(lr=0.2, momentum=0.8, weight_decay=0.01), examples()
    stack = trained([0, 4], optimizer, training).stack
    initial = networks([0, 4])
    architecture = Mlp().architecture(Shape((INPUTS,), 16, 1, CLASSES))
    total, step = 4 * 3, 0
    for k, number in enumerate((0, 4)):
        module = architecture.module(unstack(initial, k))
        reference = torch.optim.SGD(module.parameters(), momentum=0.8, weight_decay=0.01)
        step = 0
        for order in islice(data_orders(SEED, number, EXAMPLES), 4):
            for rows in (order[:32], order[32:64], order[64:]):  # the short last batch counts as one
                warm = 0.01 + (0.2 - 0.01) * step / 3
                cosine = 0.1 * (1 + math.cos(math.pi * (step - 3) / (total - 3)))
                reference.param_groups[0]["lr"] = warm if step < 3 else cosine
                reference.zero_grad()
                F.cross_entropy(module(split.inputs[rows]), split.labels[rows]).backward()
                reference.step()
                step += 1
        for name, parameter in module.named_parameters():
            # float32, twelve steps, other orders of summation: measured 5e-8
            torch.testing.assert_close(stack[name][k], parameter.detach(), rtol=1e-5, atol=1e-6)


def test_no_epochs_give_the_initial_weights_and_training_leaves_them_as_they_were():
    initial = networks([0, 1])
    result = trained([0, 1], training=Training(epochs=0), initial=initial)
    assert_same_bits(result.stack, initial)
    assert result.finite == (True, True)
    moved = trained([0, 1], initial=initial)
    assert_same_bits(initial, networks([0, 1]))
    assert not torch.equal(moved.stack["output.weight"], initial["output.weight"])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
@pytest.mark.parametrize("step", [0, 1, 3, 4, 8])  # before, within and at the end of epochs of three steps
def test_training_goes_on_bit_for_bit_from_where_it_stopped(optimizer, step):
    assert_same_bits(trained([0, 1], optimizer, go_on_after=step).stack, trained([0, 1], optimizer).stack)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
def test_padding_stays_zero_through_training(optimizer, activation):
    architecture = Mlp(activation=activation).architecture(Shape((INPUTS,), 5, 2, CLASSES))
    initial = {name: pad_axes(tensor, range(1, tensor.dim())) for name, tensor in networks([0], width=5, depth=2).items()}
    recipe = Recipe(seed=SEED, number=0, optimizer=optimizer, training=Training(epochs=3, batch_size=32))
    split = Split(pad_axes(examples().inputs, [1]), examples().labels)
    parameters = train(architecture, initial_state(optimizer, initial), [recipe], split).parameters
    for name, tensor in networks([0], width=5, depth=2).items():
        inside = torch.zeros_like(parameters[name], dtype=torch.bool)
        inside[tuple(slice(size) for size in tensor.shape)] = True
        assert (parameters[name][~inside] == 0).all(), name
        assert (parameters[name][inside] != tensor.flatten()).any(), name


def test_networks_of_a_stack_may_differ_in_rate_momentum_and_decay():
    own = [
        Sgd(lr=0.1, momentum=0.9, weight_decay=0.01),
        Sgd(lr=0.02, momentum=0.5, weight_decay=0.1),
        Sgd(lr=0.3, momentum=0.0, weight_decay=1e-4),
    ]
    together = trained([0, 1, 2], optimizers=own).stack
    for number, optimizer in enumerate(own):
        assert_same_bits(unstack(together, number), unstack(trained([number], optimizer).stack, 0))


def test_networks_differ_in_initialisation_and_in_data_order():
    initial = networks([0, 1])
    assert not torch.equal(initial["output.weight"][0], initial["output.weight"][1])
    # From one and the same initialisation, the data order alone makes two networks of them.
    same = {name: tensor[:1].repeat(2, *(1,) * (tensor.dim() - 1)) for name, tensor in initial.items()}
    stack = trained([0, 1], initial=same).stack
    assert not torch.equal(stack["output.weight"][0], stack["output.weight"][1])


def test_every_step_is_reported_and_the_short_last_batch_is_one_of_them():
    steps: list[int] = []
    training = Training(epochs=2, batch_size=32)
    note: Callable[[StackState], None] = lambda state: steps.append(state.step)  # noqa: E731
    architecture = Mlp().architecture(Shape((INPUTS,), 16, 1, CLASSES))
    recipe = Recipe(seed=SEED, number=0, optimizer=Sgd(), training=training)
    train(architecture, initial_state(Sgd(), networks([0])), [recipe], examples(), note)
    assert steps == [1, 2, 3, 4, 5, 6]
    assert (training.steps(64), training.steps(65), training.steps(1)) == (4, 6, 2)


def test_an_interrupt_while_a_step_ends_leaves_subnormal_numbers_as_they_were(monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt  # Python may raise it at the first instruction

    monkeypatch.setattr(SubnormalsAsZeros, "__exit__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained([0])
    assert not are_zeros()


def test_a_learning_rate_that_is_far_too_large_is_flagged_as_not_finite():
    assert trained([0, 1], Sgd(lr=1e25)).finite == (False, False)


def test_a_network_with_broken_weights_is_flagged_and_leaves_the_others_alone():
    initial = networks([0, 1, 2])
    initial["hidden_1.weight"][1, 0, 0] = torch.nan
    result = trained([0, 1, 2], initial=initial)
    assert result.finite == (True, False, True)
    for number in (0, 2):
        assert_same_bits(unstack(result.stack, number), unstack(trained([number]).stack, 0))


def test_weights_that_overflow_in_the_very_last_step_are_flagged():
    split = Split(1e3 * examples().inputs, examples().labels)  # gradients above 10, which a rate of 1e38 takes beyond float32
    one_step = Training(epochs=1, batch_size=EXAMPLES)
    assert trained([0], Sgd(lr=1e-6), one_step, split).finite == (True,)
    result = trained([0], Sgd(lr=1e38), one_step, split)
    assert not result.stack["hidden_1.weight"].isfinite().all()
    assert result.finite == (False,)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_gradients_are_those_of_automatic_differentiation(activation, bias, depth):
    model = Mlp(activation=activation, bias=bias)
    architecture = model.architecture(Shape((INPUTS,), 16, depth, CLASSES))
    stack = stacked([model.initial(Shape((INPUTS,), 16, depth, CLASSES), generator(SEED, k)) for k in range(3)])
    stack = {name: tensor.double() for name, tensor in stack.items()}
    rng = torch.Generator().manual_seed(2)
    inputs = torch.randn(3, 20, INPUTS, generator=rng, dtype=torch.float64)
    labels = torch.randint(CLASSES, (3, 20), generator=rng)
    gradients = {name: torch.full_like(tensor, torch.nan) for name, tensor in stack.items()}
    targets = F.one_hot(labels, CLASSES).double()
    architecture.gradients(stack, inputs, lambda logits: loss_gradient(logits, targets), gradients)
    for k in range(3):
        module = architecture.module(unstack(stack, k))
        F.cross_entropy(module(inputs[k]), labels[k]).backward()
        for name, parameter in module.named_parameters():
            torch.testing.assert_close(gradients[name][k], parameter.grad, rtol=1e-12, atol=1e-14)
