"""From tensors to layers: in which order, which way round, and in which type."""

import pytest
import torch
from layer_tensors import CHAIN, IN, OUT, WHERE, file, names, tensors

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks.layers import chain


@pytest.mark.parametrize(
    ("layers", "order"),
    [
        # by shapes, against the order of the alphabet
        ([("input_layer", 8, 6), ("hidden_layer", 6, 5), ("output_layer", 5, 3)], [0, 1, 2]),
        ([("z", 8, 6), ("a", 6, 6), ("m", 6, 3)], [0, 1, 2]),
        # by numbers, where shapes are equal
        ([("fc1", 8, 8), ("fc2", 8, 8), ("fc10", 8, 3)], [0, 1, 2]),
        ([("fc10", 8, 3), ("fc2", 8, 8), ("fc1", 8, 8)], [2, 1, 0]),
        ([("layers.10", 8, 8), ("layers.9", 8, 8), ("layers.0", 8, 8), ("head", 8, 3)], [2, 1, 0, 3]),
        ([("0", 8, 8), ("2", 8, 8), ("4", 8, 8), ("6", 8, 3)], [0, 1, 2, 3]),
        ([("b2.fc1", 8, 8), ("b1.fc2", 8, 8), ("b1.fc1", 8, 8), ("b2.fc2", 8, 3)], [2, 1, 0, 3]),
        # numbers for equal shapes, shapes for the others
        ([("out", 6, 3), ("hidden.1", 6, 6), ("hidden.0", 6, 6), ("in", 8, 6)], [3, 2, 1, 0]),
        # shapes against numbers: a function that no other order gives
        ([("fc2", 8, 6), ("fc1", 6, 3)], [0, 1]),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.net.", "module._orig_mod.model."])
def test_the_order_of_layers_is_that_of_the_shapes_and_the_numbers(layers, order, prefix):
    named = tensors(*((prefix + name, before, after) for name, before, after in layers))
    assert names(dict(sorted(named.items()))) == [layers[k][0] for k in order]


@pytest.mark.parametrize(
    ("layers", "layers_message"),
    [
        ([("input_layer", 8, 8), ("hidden_layer", 8, 8), ("output_layer", 8, 3)], r"input_layer \(8 to 8\), hidden_layer \(8 to 8\), output_layer \(8 to 3\)"),
        ([("fc", 8, 8), ("fc2", 8, 8), ("fc3", 8, 3)], r"fc \(8 to 8\), fc2 \(8 to 8\), fc3"),
        ([("first", 8, 6), ("second", 6, 6), ("third", 6, 6), ("last", 6, 3)], r"first \(8 to 6\), second \(6 to 6\)"),
        ([("enc.0", 8, 8), ("enc.1", 8, 8), ("dec.0", 8, 8), ("dec.1", 8, 3)], r"enc\.0 \(8 to 8\), enc\.1"),
        ([("a", 8, 5), ("b", 5, 8), ("c", 8, 6), ("d", 6, 8), ("e", 8, 3)], r"a \(8 to 5\), b \(5 to 8\), c"),
        ([("fc01", 8, 8), ("fc1", 8, 8), ("fc2", 8, 3)], r"fc01 \(8 to 8\), fc1"),
    ],
)  # fmt: skip
def test_an_order_that_shapes_and_numbers_do_not_tell_is_asked_for(layers, layers_message):
    named = tensors(*layers)
    order = [name for name, *_ in layers]
    begin = rf"'F': the order of its layers follows neither from their shapes nor from numbers in their names: {layers_message}.*\. Give it with "
    with pytest.raises(InputError, match=begin + r"--layers NAME,NAME,\.\.\., from input to output\.$"):
        names(named)
    with pytest.raises(InputError, match=begin + f".*; the file holds them in the order --layers {','.join(order)}\\.$"):
        chain(file(named, has_order=True), (IN, OUT), WHERE)
    assert names(named, requested=order) == order


def test_the_own_names_of_a_model_are_an_order():
    named = tensors(("output", 8, 8), ("hidden_2", 8, 8), ("hidden_1", 8, 8))
    own = ["hidden_1", "hidden_2", "output"]
    assert names(named, (8, 8), own=own) == own
    with pytest.raises(InputError, match="the order of its layers follows neither"):
        names(named, (8, 8))


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        (["a", "c"], r"`--layers` must name layers of 'F', a, b; got 'c'\."),
        (["b", "a"], r"'F' is not a chain of linear layers: the order of `--layers`, b \(8 to 3\), a \(8 to 8\), leads from the 8 inputs to the 3 classes"),
        (["a"], "'F' holds 1 weight matrices .*; a network with a hidden layer has at least 2"),
        ([""], "got ''"),
    ],
)  # fmt: skip
def test_layers_that_are_asked_for_must_be_there_and_fit(requested, message):
    with pytest.raises(InputError, match=message):
        names(tensors(("a", 8, 8), ("b", 8, 3)), requested=requested)


TURNED = "weights are stored as (inputs, outputs), as Keras and JAX have them, and were transposed"


@pytest.mark.parametrize(
    ("layers", "weight", "bias"),
    [
        ([("Dense_0", 8, 6), ("Dense_1", 6, 3)], ".kernel", ".bias"),
        ([("dense", 8, 8), ("dense_1", 8, 8), ("dense_2", 8, 3)], "/kernel:0", "/bias:0"),
        ([("params.Dense_0", 8, 8), ("params.Dense_1", 8, 8)], ".kernel", ".bias"),  # all square: by the word alone
        ([("mlp/~/linear_0", 8, 6), ("mlp/~/linear_1", 6, 3)], "/w", "/b"),
        ([("0", 8, 6), ("2", 6, 3)], ".weight", ".bias"),
    ],
)
def test_weights_that_stand_as_inputs_times_outputs_are_transposed_and_that_is_said(layers, weight, bias):
    named = tensors(*layers, weight=weight, bias=bias, turned=True)
    ends = (layers[0][1], layers[-1][2])
    requested = [name for name, *_ in layers] if layers[0][0] == "dense" else None  # a name without a number could be the first or the last
    result = chain(file(named), ends, WHERE, requested=requested)
    assert result.notes == (TURNED,)
    for layer, (name, before, after) in zip(result.layers, layers, strict=True):
        assert torch.equal(layer.tensor, named[f"{name}{weight}"].T)
        assert layer.tensor.shape == (after, before)
        assert layer.tensor.is_contiguous()


def test_square_weights_of_an_unknown_kind_are_not_guessed_at():
    with pytest.raises(
        InputError, match=r"neither shapes nor names say whether its weights are stored as \(outputs, inputs\) or as \(inputs, outputs\)"
    ):
        names(tensors(("l.0", 8, 8), ("l.1", 8, 8), weight="/w", bias="/b"), (8, 8))


def test_a_network_of_other_ends_is_not_taken_for_its_transpose():
    with pytest.raises(InputError, match=r"'F' has 3 inputs and 8 classes; dataset=letters has 8 and 3\."):
        names(tensors(("0", 3, 6), ("2", 6, 8)))
    with pytest.raises(InputError, match=r"'F' has 9 inputs and 3 classes; dataset=letters has 8 and 3\."):
        names(tensors(("0", 9, 6), ("2", 6, 3)))
    with pytest.raises(
        InputError, match=r"'F' is not a chain of linear layers: no order of its layers, 0 \(8 to 6\), 2 \(5 to 3\), leads from"
    ):
        names(tensors(("0", 8, 6), ("2", 5, 3)))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_other_floats_are_measured_in_float32_and_that_is_said(kind):
    result = chain(file({name: tensor.to(kind) for name, tensor in CHAIN.items()}), (IN, OUT), WHERE)
    name = str(kind).removeprefix("torch.")
    assert result.notes == (f"its numbers are {name}; they are measured in float32",)
    for layer, number in zip(result.layers, "02", strict=True):
        assert layer.tensor.dtype == layer.bias.dtype == torch.float32
        assert torch.equal(layer.tensor, CHAIN[f"{number}.weight"].to(kind).float())
    mixed = chain(file(CHAIN | {"0.bias": CHAIN["0.bias"].to(kind)}), (IN, OUT), WHERE)
    assert mixed.notes == (f"its numbers are {' and '.join(sorted(['float32', name]))}; they are measured in float32",)
