"""From tensors to layers: which order, which bias, and what is no layer."""

from pathlib import Path

import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks.files import NetworkFile
from lmc_sweeps.own_networks.layers import chain

IN, OUT = 8, 3
WHERE = "dataset=letters"


def tensors(*layers, weight=".weight", bias=".bias", turned=False):
    """Return weights and biases of layers (name, inputs, outputs), each filled with the layer's place in the list."""
    by_name = {}
    for k, (name, before, after) in enumerate(layers):
        shape = (before, after) if turned else (after, before)
        by_name[f"{name}{weight}"] = (
            torch.full(shape, float(k)) + torch.arange(before * after).view(after, before).T.reshape(shape) * (turned) / 64
        )
        if bias is not None:
            by_name[f"{name}{bias}"] = torch.full((after,), float(k))
    return by_name


def file(tensors, has_order=False):
    return NetworkFile(Path("F"), tensors, has_order)


def names(tensors, ends=(IN, OUT), **options):
    return [layer.layer for layer in chain(file(tensors), ends, WHERE, **options).layers]


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


def test_layers_may_be_asked_for_by_the_names_of_their_tensors_and_the_others_are_left_aside():
    named = tensors(("m.net.a", 8, 8), ("m.net.b", 8, 3), ("m.ema.a", 8, 8), ("m.ema.b", 8, 3))
    with pytest.raises(InputError, match=r"is not a chain .*If only some of them are the network, name these: --layers NAME,NAME"):
        names(named)
    result = chain(file(named), (IN, OUT), WHERE, requested=["m.net.a.weight", "m.net.b"])
    assert [float(layer.tensor[0, 0]) for layer in result.layers] == [0.0, 1.0]
    assert result.notes == (
        "left aside, for they are neither weights nor biases of its layers: m.ema.a.weight, m.ema.a.bias, m.ema.b.weight, m.ema.b.bias",
    )


@pytest.mark.parametrize(
    ("weight", "bias"),
    [(".weight", ".bias"), ("/w", "/b"), ("_weight", "_bias"), (".weights", ".biases"), (".W", ".b"), (":weight", ":bias")],
)
@pytest.mark.parametrize("has_bias", [True, False])
def test_biases_belong_to_weights_by_their_names(weight, bias, has_bias):
    named = tensors(("layer10", 6, 3), ("layer9", 8, 6), weight=weight, bias=bias if has_bias else None)
    layers = chain(file(dict(reversed(named.items()))), (IN, OUT), WHERE).layers
    assert [float(layer.tensor[0, 0]) for layer in layers] == [1.0, 0.0]
    assert [None if layer.bias is None else layer.bias.tolist() for layer in layers] == (
        [[1.0] * 6, [0.0] * 3] if has_bias else [None, None]
    )


def test_biases_are_found_where_the_number_stands_behind_or_the_kind_before():
    for pattern in ("{}1", "{}s.1", "{}_1"):
        named = {}
        for number, shape in ((2, (3, 6)), (1, (6, 8))):
            for kind, size in (("W" if pattern == "{}1" else "weight", shape), ("b" if pattern == "{}1" else "bias", shape[:1])):
                name = pattern.format(kind).replace("1", str(number)).replace("biass", "biases")
                named[name] = torch.full(size, float(number))
        assert [float(layer.bias[0]) for layer in chain(file(named), (IN, OUT), WHERE).layers] == [1.0, 2.0]


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


CHAIN = tensors(("0", 8, 6), ("2", 6, 3))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"1.running_mean": torch.zeros(6)}, r"'F' holds a normalisation \(1\.running_mean\); models here are chains of linear layers without any; in Python,"),
        ({"1.weight": torch.ones(6), "1.bias": torch.ones(6)}, r"'F' holds a normalisation \(1\.weight\)"),
        ({"1.weight": torch.ones(1)}, r"'F' holds 1\.weight of shape \(1,\), which is the bias of no weight matrix; .*--layers NAME,NAME,\.\.\."),
        ({"criterion.weight": torch.ones(3)}, r"'F' holds criterion\.weight of shape \(3,\), which is the bias of no weight matrix"),
        ({"conv.weight": torch.ones(2, 1, 3, 3)}, r"'F' holds conv\.weight of shape \(2, 1, 3, 3\); models here are chains .*without convolutions"),
        ({"0.weight_g": torch.ones(6, 1)}, r"'F' holds parts from which weights are computed \(0\.weight_g\)"),
        ({"0.parametrizations.weight.original0": torch.ones(6, 1)}, r"parts from which weights are computed \(0\.parametrizations"),
        ({"0.weight_orig": torch.ones(6, 8)}, r"parts from which weights are computed \(0\.weight_orig\)"),
        ({"rnn.weight_hh_l0": torch.ones(6, 6)}, r"'F' holds a recurrent layer \(rnn\.weight_hh_l0\)"),
        ({"0.w": torch.ones(6, 8)}, r"'F' holds two weight matrices of one layer: 0\.weight, 0\.w\."),
        ({"4.weight": torch.ones(3, 3, dtype=torch.int8)}, r"'F' has weights of type int8 \(4\.weight\); save them as plain real numbers"),
        ({"4.weight": torch.ones(3, 3, dtype=torch.complex64)}, r"'F' has weights of type complex64 \(4\.weight\)"),
        ({"2.bias": torch.zeros(6)}, r"'F': the weights 2\.weight and their bias do not fit together: \(3, 6\) and 6 numbers"),
        ({"2.bias": torch.zeros(5)}, r"'F': the weights 2\.weight and their bias do not fit together: \(3, 6\) and 5 numbers"),
        ({"0.weight": torch.full((6, 8), torch.nan)}, r"'F' holds NaN or infinite numbers in 0\.weight; a network to be measured has finite weights"),
        ({"0.weight": torch.full((6, 8), 1e300, dtype=torch.float64)}, r"'F' holds numbers beyond float32 in 0\.weight"),
        ({"2.bias": torch.tensor([0.0, torch.inf, 0.0])}, r"'F' holds NaN or infinite numbers in 2\.bias"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_is_no_layer_of_a_chain_is_refused_by_name(extra, message):
    with pytest.raises(InputError, match=message):
        names(CHAIN | extra)


def test_a_network_without_a_hidden_layer_is_refused():
    with pytest.raises(
        InputError, match=r"'F' holds 1 weight matrices \(0\.weight, 0\.bias\); a network with a hidden layer has at least 2\."
    ):
        names(tensors(("0", 8, 3)))
    with pytest.raises(InputError, match=r"'F' holds 0 weight matrices \(and nothing else\)"):
        names({})
    with pytest.raises(InputError, match="holds 1,001 weight matrices; at most 1,000 are taken"):
        names({f"{k}.weight": torch.zeros(1, 1) for k in range(1001)})


def test_counters_and_measures_are_left_aside_and_that_is_said():
    extra = {
        "n_averaged": torch.tensor(4),
        "1.num_batches_tracked": torch.tensor(7),
        "acc.confmat": torch.zeros(3, 3, dtype=torch.int64),
        "loss": torch.tensor(0.5),
    }
    result = chain(file(CHAIN | extra), (IN, OUT), WHERE)
    assert [layer.layer for layer in result.layers] == ["0", "2"]
    assert result.notes == (f"left aside, for they are neither weights nor biases of its layers: {', '.join(extra)}",)


def test_a_loss_with_weights_of_its_own_is_left_aside_when_the_layers_are_named():
    assert names(CHAIN | {"criterion.weight": torch.ones(3)}, requested=["0", "2"]) == ["0", "2"]
    for norm in ({"1.running_var": torch.zeros(6)}, {"1.weight": torch.ones(6), "1.bias": torch.ones(6)}):
        with pytest.raises(InputError, match="'F' holds a normalisation"):
            names(CHAIN | norm, requested=["0", "2"])


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


def test_names_of_tensors_reach_no_terminal_raw():
    with pytest.raises(InputError) as caught:
        names(CHAIN | {"\x1b]0;x\x07.weight": torch.ones(5)})
    assert "\x1b" not in str(caught.value)
