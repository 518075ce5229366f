"""Padding: zeros up to whole cache lines, taken away again, and a stack of a chain that computes what it did."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_sweeps.models.base import stacked
from lmc_sweeps.models.chain_layer import Layer
from lmc_sweeps.models.padding import LINE, extend, pad, pad_axes, pad_stack, unpad

SIZES = [6, 9, 16, 3]


def network(seed: int) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    tensors = {}
    for k, (n_inputs, n_outputs) in enumerate(zip(SIZES[:-1], SIZES[1:], strict=True)):
        tensors |= {f"{k}.weight": torch.randn(n_outputs, n_inputs, generator=rng), f"{k}.bias": torch.randn(n_outputs, generator=rng)}
    return tensors


def test_padding_fills_up_to_whole_lines_with_zeros_and_comes_off_again() -> None:
    plain = network(0)
    padded = pad(plain)
    for name, tensor in padded.items():
        assert all(size % LINE == 0 and size - own < LINE for size, own in zip(tensor.shape, plain[name].shape, strict=True))
        assert float(tensor.abs().sum()) == pytest.approx(float(plain[name].abs().sum()))
    for name, tensor in unpad(padded, {name: tensor.shape for name, tensor in plain.items()}).items():
        assert torch.equal(tensor, plain[name])
        assert tensor.is_contiguous()


def test_only_the_axes_that_are_named_are_padded_and_whole_lines_are_left_alone() -> None:
    tensor = torch.ones(3, 5, 2 * LINE)
    assert pad_axes(tensor, [1]).shape == (3, LINE, 2 * LINE)
    assert pad_axes(tensor, [2]) is tensor


def logits(stack: dict[str, Tensor], layers: list[Layer], inputs: Tensor) -> Tensor:
    hidden = inputs.expand(len(stack["0.bias"]), *inputs.shape)
    for layer in layers:
        hidden = torch.baddbmm(stack[f"{layer.name}.bias"].unsqueeze(1), hidden, stack[f"{layer.name}.weight"].mT)
        for module in layer.after:
            hidden = module(hidden)
    return hidden


@pytest.mark.parametrize(
    ("after", "padded_rows"),
    [
        ([(nn.ReLU(),), (nn.Tanh(),), ()], [16, 16, 16]),
        ([(nn.Softmax(-1),), (nn.Sigmoid(),), ()], [9, 16, 16]),  # a softmax must not see neurons that were added
        ([(nn.ReLU(),), (nn.ReLU(),), (nn.LogSoftmax(-1),)], [16, 16, 3]),
        ([(nn.ReLU(),), (nn.ReLU(),), (nn.ReLU(),)], [16, 16, 3]),
    ],
    ids=["elementwise", "a softmax in between", "a softmax at the end", "something behind the outputs"],
)
def test_a_padded_stack_of_a_chain_computes_what_it_did(after: list[tuple[nn.Module, ...]], padded_rows: list[int]) -> None:
    layers = [Layer(str(k), True, modules) for k, modules in enumerate(after)]
    stack, inputs = stacked([network(0), network(1)]), torch.randn(5, 6, generator=torch.Generator().manual_seed(2))
    padded = pad_stack(stack, layers)
    assert [padded[f"{k}.weight"].shape[1] for k in range(3)] == padded_rows
    torch.testing.assert_close(logits(padded, layers, inputs)[..., :3], logits(stack, layers, inputs), rtol=1e-5, atol=1e-6)


def test_neurons_that_were_added_stay_where_they_are() -> None:
    permutation = np.array([2, 0, 1])
    extended = extend(permutation, LINE)
    assert extended.tolist() == [2, 0, 1, *range(3, LINE)]
    values = torch.arange(3.0)
    assert torch.equal(F.pad(values, (0, LINE - 3))[extended], F.pad(values[permutation], (0, LINE - 3)))
