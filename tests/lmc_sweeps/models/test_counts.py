"""How large a network is and what it computes: counted from its tensors alone, against what PyTorch itself counts while the network runs."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lmc_sweeps.maths.permutations import PermutationSpec
from lmc_sweeps.models.base import INPUT, Architecture, Counts, Shape
from lmc_sweeps.models.feed_forward import FeedForward, Layer
from lmc_sweeps.models.mean_field import MeanField
from lmc_sweeps.models.mlp import Mlp

SHAPE = Shape((3, 2), width=5, depth=2, classes=4)


class Stream(Architecture):
    """h = Wx, s = h + V relu(U h), z = O s: the rows of W and V are one group, and those of U another."""

    spec = PermutationSpec({"W": ("stream", None), "U": ("block", "stream"), "V": ("block", "stream"), "O": (None, "stream")})
    forward = activations = line_logits = module = NotImplemented

    def sources(self, group: str) -> tuple[str, ...]:
        return (INPUT,) if group == "stream" else ("stream", "stream")


class Convolution(Stream):
    """Filters that lead to channels, whose means an output layer reads."""

    spec = PermutationSpec({"filters": ("channels", None, None, None), "output": (None, "channels")})

    def sources(self, group: str) -> tuple[str, ...]:
        return (INPUT,)


def sizes_of(tensors: dict[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def base_counts(architecture: Architecture, sizes: dict[str, tuple[int, ...]]) -> Counts:
    """Return what an architecture has without a `counts` of its own."""
    return Architecture.counts(architecture, SHAPE, sizes)


def test_tensors_alone_tell_the_parameters_the_activations_and_the_operations_of_a_network():
    model = Mlp(bias=False)
    architecture, parameters = model.architecture(SHAPE), model.initial(SHAPE, np.random.default_rng(0))
    module, sizes = architecture.module(parameters), []
    for part in module:
        if isinstance(part, nn.ReLU) or part is module[-1]:
            part.register_forward_hook(lambda part, arguments, output: sizes.append(output.numel()))
    with FlopCounterMode(display=False) as counter:
        module(torch.ones(1, SHAPE.n_inputs))
    counts = base_counts(architecture, sizes_of(parameters))
    assert counts.operations == counter.get_total_flops()
    assert counts.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert counts.activations == SHAPE.n_inputs + sum(sizes)
    assert (counts.neurons, counts.inputs) == ({"hidden_1": 5, "hidden_2": 5}, {INPUT: 6})


@pytest.mark.parametrize("model", [Mlp(), Mlp(activation="tanh")])
def test_a_chain_counts_what_its_tensors_tell_and_that_the_line_is_linear_in_its_first_layer(model):
    architecture, sizes = model.architecture(SHAPE), model.tensor_sizes(SHAPE)
    chain, base = architecture.counts(SHAPE, sizes), base_counts(architecture, sizes)
    first = nn.Linear(6, 5, bias=False)
    with FlopCounterMode(display=False) as counter:
        first(torch.ones(1, 6))
    assert chain.operations_at_ends == counter.get_total_flops()
    hidden = [part for part in architecture.module(model.initial(SHAPE, np.random.default_rng(0))) if isinstance(part, nn.Linear)][:-1]
    assert (base.operations_at_ends, base.repair_passes) == (0, len(hidden))
    assert chain.repair_passes == 1  # one pass corrects all of its layers
    assert {**vars(chain), "operations_at_ends": 0, "repair_passes": len(hidden)} == vars(base)


def test_a_chain_counts_layers_of_widths_that_differ():
    architecture = FeedForward([Layer("a", True, (nn.ReLU(),)), Layer("b", True, (nn.ReLU(),)), Layer("c", True)], n_outputs=4)
    tensors = {"a": nn.Linear(6, 9), "b": nn.Linear(9, 2), "c": nn.Linear(2, 4)}
    sizes = {f"{name}.{kind}": tuple(tensor.shape) for name, layer in tensors.items() for kind, tensor in layer.named_parameters()}
    counts = architecture.counts(SHAPE, sizes)
    assert (counts.parameters, counts.activations) == (7 * 9 + 10 * 2 + 3 * 4, 6 + 9 + 2 + 4)
    assert counts.neurons == {"a": 9, "b": 2}


def test_a_bias_is_counted_where_a_layer_has_none():
    assert Mlp(bias=False).architecture(SHAPE).counts(SHAPE, Mlp(bias=False).tensor_sizes(SHAPE)) == Mlp().architecture(SHAPE).counts(
        SHAPE, Mlp().tensor_sizes(SHAPE)
    )


def test_a_group_that_many_tensors_read_and_write_is_counted_once():
    counts = Stream().counts(SHAPE, {"W": (5, 6), "U": (7, 5), "V": (7, 5), "O": (4, 5)})
    assert counts.parameters == 5 * 6 + 2 * 7 * 5 + 4 * 5
    assert counts.activations == 6 + 5 + 7 + 4
    assert (counts.neurons, counts.inputs) == ({"stream": 5, "block": 7}, {INPUT: 6})


def test_the_filters_of_a_convolution_are_weights_and_its_channels_are_neurons():
    shape, sizes = Shape((2, 3, 3), 5, 1, 4), {"filters": (5, 2, 2, 2), "output": (4, 5)}
    counts = Convolution().counts(shape, sizes)
    assert counts.parameters == nn.Conv2d(2, 5, 2, bias=False).weight.numel() + nn.Linear(5, 4, bias=False).weight.numel()
    assert counts.activations == shape.n_inputs + 5 + 4
    assert (counts.neurons, counts.inputs) == ({"channels": 5}, {INPUT: 2})


@pytest.mark.parametrize("model", [Mlp(), Mlp(bias=False), Mlp(initialisation="low_dimensional"), MeanField()])
def test_the_sizes_of_the_tensors_are_those_of_a_network_that_is_drawn(model):
    shape = Shape((3, 2), 5, 1, 4)
    sizes = model.tensor_sizes(shape)
    drawn = sizes_of(model.initial(shape, np.random.default_rng(0)))
    assert sizes == drawn
    assert list(sizes) == list(drawn)


@pytest.mark.parametrize("kind", [Mlp, MeanField])
def test_a_model_that_draws_other_tensors_has_their_sizes(kind):
    class Narrow(kind):
        def initial(self, shape: Shape, rng: np.random.Generator) -> dict[str, torch.Tensor]:
            return {name: tensor[:2].clone() for name, tensor in super().initial(shape, rng).items()}

    shape = Shape((6,), 5, 1, 4)
    assert Narrow().tensor_sizes(shape) == {name: (2, *size[1:]) for name, size in kind().tensor_sizes(shape).items()}
    huge = kind().tensor_sizes(Shape((6,), 10**40, 1, 4))  # of a network that no machine could draw
    assert huge["hidden_1.weight"] == (10**40, 6)
