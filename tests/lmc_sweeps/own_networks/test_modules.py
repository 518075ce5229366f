"""Networks as callers bring them: wrapped, with constants of their own, and refused in one sentence where they are none."""

import copy
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from callers_networks import (
    HIDDEN,
    Net,
    X,
    compared,
    dense,
    planted,
    refusal,
    returns,
    seeded,
)
from torch import nn
from torch.nn.utils import parametrizations, prune


def compiled(net: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.compile(net, backend="eager")


def test_a_wrapped_network_is_the_one_inside_and_gets_its_aligned_state_under_its_own_names():
    plain = [seeded(dense, seed) for seed in (0, 1)]
    expected = compared(*plain, HIDDEN)
    for wrap in (nn.DataParallel, compiled, torch.optim.swa_utils.AveragedModel, lambda net: nn.DataParallel(compiled(net))):
        a, b = map(wrap, copy.deepcopy(plain))
        prefix = next(name for name in b.state_dict() if name.endswith("a.weight")).removesuffix("a.weight")
        for spec in (HIDDEN, {prefix + name: entry for name, entry in HIDDEN.items()}):
            comparison = compared(a, b, spec)
            assert comparison.runs.loss_barrier.tolist() == expected.runs.loss_barrier.tolist()
        b.load_state_dict(comparison.aligned["weights"])
        torch.testing.assert_close(
            b.state_dict()[f"{prefix}a.weight"], expected.aligned["weights"]["a.weight"], rtol=0, atol=0, check_device=False
        )


def test_constants_of_a_network_are_its_own_a_mask_of_infinities_too():
    def masked() -> Net:
        net = dense()
        net._call = lambda s, x: s.o(torch.relu(s.a(x))) + torch.where(s.m < 0, 0.0, s.m)
        net.register_buffer("m", torch.tensor([0.0, -torch.inf, 0.0]))
        return net

    a, b, moved = planted(masked, HIDDEN | {"m": (None,)})
    for axes in (HIDDEN, HIDDEN | {"m": (None,)}):
        comparison = compared(a, b, axes)
        np.testing.assert_array_equal(comparison.permutations["weights"]["h"], np.argsort(moved["h"]))
        assert (comparison.runs[comparison.runs.matching == "weights"].loss_barrier < 1e-6).all()
    b.load_state_dict(comparison.aligned["weights"])


TENSOR = "network A must return one tensor of logits, (examples, classes), got a"


def folded(fold: Callable[[nn.Module], object]) -> Net:
    net = dense()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older ones are deprecated
        fold(net.a)
    return net


def script() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(dense(), X[:2])


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "a state dict": ({"a": dense().state_dict()}, "network A is a state dict (OrderedDict), not a module: build the module, load it with `load_state_dict`"),
    "a path": ({"b": Path("b.pt")}, "network B is a path, 'b.pt', not a module: load the file into a module first, or compare two safetensors files"),
    "a string": ({"a": "a.pt"}, "network A is a path, 'a.pt', not a module"),
    "a class": ({"a": nn.Linear}, "network A is the class Linear, not a network of it: pass an instance."),
    "a function": ({"b": torch.relu}, "network B must be a torch.nn.Module, got builtin_function_or_method."),
    "TorchScript": ({"a": script()}, "network A is a TopLevelTracedModule, code of TorchScript: pass the module that it was made of."),
    "weight norm": ({"a": folded(parametrizations.weight_norm)}, "network A has a parametrised weight, 'a.weight', of which a line has two meanings"),
    "old weight norm": ({"b": folded(nn.utils.weight_norm)}, "network B has a parametrised weight, 'a.weight', of which a line has two meanings"),
    "pruned": ({"a": folded(lambda layer: prune.l1_unstructured(layer, "weight", 0.3))}, "network A has a parametrised weight, 'a.weight'"),
    "lazy": ({"a": nn.Sequential(nn.LazyLinear(3))}, "network A has no values yet in '0.weight' (a lazy or a meta module)"),
    "no parameters": ({"a": nn.Flatten()}, "network A, a Flatten, has no parameters: there is nothing to match."),
    "float8": ({"a": dense().to(torch.float8_e4m3fn)}, "network A must have weights in one of float64, float32, bfloat16, float16, and 'a.weight' is in float8_e4m3fn."),
    "a dict": ({"a": returns(lambda z: {"logits": z, "loss": 0})}, f"{TENSOR} dict of 'logits', 'loss': wrap it in a module whose forward returns the logits."),
    "a tuple": ({"a": returns(lambda z: (z, z))}, f"{TENSOR} tuple: wrap it in a module"),
    "three axes": ({"a": returns(lambda z: z[:, None])}, "`train` does not fit criterion='cross_entropy', which takes outputs (examples, classes) with integer labels (examples,), or with one more axis in both, the positions: outputs have shape (examples, 1, 3) and labels (48,) in int64."),
    "one logit": ({"a": returns(lambda z: z[:, :1])}, "`train` does not fit criterion='cross_entropy', which takes outputs (examples, classes)"),
    "one row for all": ({"a": returns(lambda z: z.mean(0, keepdim=True))}, "network A must return outputs with one row per example, as (examples, classes) or (examples, positions, classes), got (1, 3) for 2 examples of shape (8,)."),
    "classes": ({"a": returns(lambda z: z.argmax(1)[:, None].expand(-1, 3))}, "network A must return logits in floating-point numbers, got torch.int64."),
    "a cast inside": ({"a": dense(_call=lambda s, x: s.o(s.a(x.bfloat16()))).bfloat16()}, "`train` has inputs of shape (8,) in float32, which network A does not take: its forward raised RuntimeError: "),
    "wrong width": ({"x": X[:, :5]}, "`train` has inputs of shape (5,) in float32, which network A does not take: its forward raised RuntimeError: "),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_network_is_refused_in_one_sentence(case):
    changes, message = REFUSED[case]
    assert refusal(**changes).startswith(message)


def test_inputs_that_a_network_does_not_take_are_refused_with_its_first_weights_and_the_type_that_it_is_measured_in() -> None:
    wrong_width = refusal(x=X[:, :5])
    assert wrong_width.endswith("Its first weights, 'a.weight', have shape (8, 8).")
    cast = refusal(a=dense(_call=lambda s, x: s.o(s.a(x.bfloat16()))).bfloat16())
    assert cast.endswith("have shape (8, 8); it is in bfloat16 and measured in float32, which its code must take.")
