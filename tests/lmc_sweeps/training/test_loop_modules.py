"""Training of any module: the numbers of PyTorch's own loop, running statistics included, and of a network alone, in a stack, or resumed."""

import copy
from collections.abc import Callable
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from normalised_networks import architecture, convolutions, drawn, split, tensors
from torch import Tensor, nn
from traced_networks import Gpt

from lmc_sweeps.datasets.base import Split
from lmc_sweeps.models.base import Architecture, stacked, unstack
from lmc_sweeps.models.torch_module import TorchModule
from lmc_sweeps.symmetry.tracing import trace
from lmc_sweeps.training.augmentation import augmented, drawn_views
from lmc_sweeps.training.batches import data_orders
from lmc_sweeps.training.loop import StackState, initial_state, train
from lmc_sweeps.training.optimizers import AdamW, Optimizer, Sgd
from lmc_sweeps.training.recipe import Recipe, Training

SEED, EXAMPLES, WORDS = 4, 22, 11
TRAINING = Training(epochs=3, batch_size=8)  # of 8, 8 and 6 examples


def normalised_mlp() -> nn.Module:
    """Return a network with a batch norm and no convolution: a stack of it is computed at once."""
    return nn.Sequential(nn.Flatten(), nn.Linear(72, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3))


def text() -> Split:
    rng = torch.Generator().manual_seed(0)
    ids = torch.randint(WORDS, (EXAMPLES, 7), generator=rng)
    return Split(ids[:, :-1], ids[:, 1:])


class Case:
    """A module, its mathematics in a type, and data for it."""

    def __init__(self, make: Callable[[], nn.Module], dtype: torch.dtype) -> None:
        self.make, self.dtype = make, dtype
        self.split = text() if make is Gpt else split(EXAMPLES, dtype=dtype)
        self.architecture: Architecture = architecture(dtype) if make is convolutions else self._traced()

    def _traced(self) -> TorchModule:
        module = self.make().to(self.dtype)
        return TorchModule(module, trace(module, self.split.inputs[:2]))

    def module(self, number: int) -> nn.Module:
        return drawn(self.make, number, self.dtype)

    def start(self, numbers: list[int], optimizer: Optimizer) -> StackState:
        networks = stacked([tensors(self.module(number)) for number in numbers])
        return initial_state(optimizer, networks, self.architecture.graph(unstack(networks, 0)).buffers)

    def trained(
        self, numbers: list[int], optimizer: Optimizer, training: Training = TRAINING, stop: int | None = None
    ) -> dict[str, Tensor]:
        recipes = [Recipe(seed=SEED, number=number, optimizer=optimizer, training=training) for number in numbers]
        state = self.start(numbers, optimizer)
        if stop is not None:
            state = copy.deepcopy(train(self.architecture, state, recipes, self.split, steps=stop))
        return train(self.architecture, state, recipes, self.split).parameters


def plain_loop(case: Case, number: int, optimizer: torch.optim.Optimizer, module: nn.Module, training: Training) -> None:
    """Train a module as everybody does: training mode, PyTorch's loss and optimizer."""
    module.train()
    for epoch, order in enumerate(islice(data_orders(SEED, number, EXAMPLES), training.epochs)):
        views = drawn_views(SEED, number, epoch, EXAMPLES, training.crop_padding)
        for rows in torch.from_numpy(order).split(training.batch_size):
            inputs = case.split.inputs[rows]
            if training.augmentation != "none":
                inputs = augmented(inputs, views[rows], training.augmentation, training.crop_padding)
            optimizer.zero_grad()
            outputs, labels = module(inputs), case.split.labels[rows]
            F.cross_entropy(outputs.flatten(0, -2), labels.flatten(), label_smoothing=training.label_smoothing).backward()
            optimizer.step()


MODULES = pytest.mark.parametrize("make", [convolutions, normalised_mlp, Gpt], ids=lambda make: make.__name__.lower())


def decay_groups(module: nn.Module, decay: float) -> list[dict]:
    """Return the groups by which PyTorch users leave biases and norms without weight decay."""
    weights = [parameter for parameter in module.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in module.parameters() if parameter.dim() <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


@MODULES
@pytest.mark.parametrize("decayed", ["all", "weights"])
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_the_numbers_are_those_of_pytorchs_own_loop_running_statistics_included(make, kind, decayed):
    case = Case(make, torch.float64)
    training = Training(epochs=2, batch_size=8, label_smoothing=0.1, augmentation="none" if make is Gpt else "crop_flip", crop_padding=1)
    settings = {"sgd": Sgd(lr=0.05, weight_decay=0.3, decayed=decayed), "adamw": AdamW(lr=0.01, weight_decay=0.3, decayed=decayed)}[kind]
    stack = case.trained([0, 3], settings, training)
    for k, number in enumerate((0, 3)):
        module = case.module(number)
        groups = decay_groups(module, 0.3) if decayed == "weights" else [{"params": list(module.parameters()), "weight_decay": 0.3}]
        optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.9) if kind == "sgd" else torch.optim.AdamW(groups, lr=0.01)
        plain_loop(case, number, optimizer, module, training)
        for name, tensor in tensors(module).items():
            # Adam divides by epsilon the gradient of a bias before a batch norm, which is rounding in float64: measured 2e-10.
            torch.testing.assert_close(stack[name][k], tensor, rtol=1e-8, atol=1e-8, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("augmentation", ["none", "crop_flip"])
@pytest.mark.parametrize("optimizer", [Sgd(weight_decay=0.1), AdamW(decayed="weights")], ids=lambda o: o.name)
def test_a_convolutional_network_of_a_stack_has_the_bits_of_the_network_trained_alone(optimizer, augmentation):
    case, training = Case(convolutions, torch.float32), Training(epochs=2, batch_size=8, augmentation=augmentation)
    together = case.trained([2, 0, 1], optimizer, training)
    for k, number in enumerate((2, 0, 1)):
        for name, tensor in case.trained([number], optimizer, training).items():
            assert torch.equal(together[name][k], tensor[0]), name


@pytest.mark.parametrize("make", [normalised_mlp, Gpt], ids=lambda make: make.__name__.lower())
def test_a_network_of_a_stack_that_is_computed_at_once_is_the_one_trained_alone_to_rounding(make):
    case = Case(make, torch.float64)
    together = case.trained([2, 0, 1], Sgd())
    for k, number in enumerate((2, 0, 1)):
        for name, tensor in case.trained([number], Sgd()).items():
            torch.testing.assert_close(together[name][k], tensor[0], rtol=1e-9, atol=1e-10)


@MODULES
@pytest.mark.parametrize("stop", [1, 3, 4])
def test_training_goes_on_bit_for_bit_from_where_it_stopped(make, stop):
    case = Case(make, torch.float32)
    training = Training(epochs=3, batch_size=8, augmentation="none" if make is Gpt else "crop_flip")
    whole, resumed = (case.trained([0, 1], AdamW(), training, each) for each in (None, stop))
    for name, tensor in whole.items():
        assert torch.equal(resumed[name], tensor), name


def test_neither_the_optimizer_nor_its_decay_touches_running_statistics():
    case = Case(convolutions, torch.float64)
    state = case.start([0], Sgd())
    statistics = case.architecture.graph(unstack(state.parameters, 0)).buffers
    assert not statistics & state.buffers["momentum"].keys()
    training = Training(epochs=1, batch_size=EXAMPLES)
    ends = [case.trained([0], Sgd(lr=lr, weight_decay=decay), training) for lr, decay in ((1e-9, 0.0), (0.5, 0.9))]
    for name in statistics:  # of the first layer, and of the second after one step: they come from the batch, before the step
        torch.testing.assert_close(ends[0][name], ends[1][name], rtol=1e-12, atol=1e-14)


def test_a_parameter_that_the_outputs_do_not_depend_on_stays_as_it_is():
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = normalised_mlp(), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

    case = Case(Idle, torch.float64)
    assert torch.equal(case.trained([0], Sgd())["idle.weight"][0], case.module(0).get_parameter("idle.weight"))
