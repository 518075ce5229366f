"""From tensors to weight matrices: which bias belongs to which, what is left aside, and what is no layer of a chain."""

import pytest
import torch
from layer_tensors import CHAIN, IN, OUT, WHERE, file, names, tensors

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.own_networks.layers import chain


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


def test_names_of_tensors_reach_no_terminal_raw():
    with pytest.raises(InputError) as caught:
        names(CHAIN | {"\x1b]0;x\x07.weight": torch.ones(5)})
    assert "\x1b" not in str(caught.value)
