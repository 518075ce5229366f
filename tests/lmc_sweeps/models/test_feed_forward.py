"""Feed-forward chains: the stack against a loop of plain modules, the line against forward passes, and what is refused."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmc_sweeps.maths.interpolation import interpolate, line_points
from lmc_sweeps.maths.permutations import apply_permutations
from lmc_sweeps.models import feed_forward
from lmc_sweeps.models.base import stacked, unstack
from lmc_sweeps.models.feed_forward import FeedForward, Layer
from lmc_sweeps.symmetry.linear_form import LinearGroup

SIZES = [6, 9, 5, 7, 3]  # widths that differ by layer


def chain(bias: bool = True) -> FeedForward:
    after = [(nn.ReLU(),), (nn.Tanh(),), (nn.ReLU(), nn.Softplus()), ()]
    return FeedForward([Layer(f"layer_{k}", bias, modules) for k, modules in enumerate(after)])


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


def network(seed: int, bias: bool = True, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    parameters = {}
    for k, (d, m) in enumerate(zip(SIZES[:-1], SIZES[1:], strict=True)):
        parameters[f"layer_{k}.weight"] = normal(m, d, seed=100 * seed + k, dtype=dtype) / d**0.5
        if bias:
            parameters[f"layer_{k}.bias"] = normal(m, seed=100 * seed + k + 50, dtype=dtype)
    return parameters


def permutations(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"layer_{k}": rng.permutation(m) for k, m in enumerate(SIZES[1:-1])}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shared_inputs", [True, False])
def test_a_stack_computes_what_its_networks_compute_as_modules(bias: bool, shared_inputs: bool) -> None:
    networks, x = [network(seed, bias) for seed in range(3)], normal(3, 11, 6)
    inputs = x[0] if shared_inputs else x
    logits = chain(bias).forward(stacked(networks), inputs)
    hidden = chain(bias).activations(stacked(networks), inputs)
    assert list(hidden) == ["input", "layer_0", "layer_1", "layer_2"]
    for k, parameters in enumerate(networks):
        module, values = chain(bias).module(parameters), x[0 if shared_inputs else k]
        torch.testing.assert_close(logits[k], module(values), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(hidden["input"][k], values, rtol=0, atol=0)
        for name, end in (("layer_0", 2), ("layer_1", 4), ("layer_2", 7)):  # position after the layer's activations
            torch.testing.assert_close(hidden[name][k], module[:end](values), rtol=1e-12, atol=1e-14)


def test_a_network_has_the_same_bits_in_a_stack_of_any_size() -> None:
    networks, x = [network(seed, dtype=torch.float32) for seed in range(5)], normal(64, 6, dtype=torch.float32)
    alone = chain().forward(stacked(networks[:1]), x)[0]
    for size in (2, 3, 5):
        assert torch.equal(chain().forward(stacked(networks[:size]), x)[0], alone)


def test_a_module_holds_the_parameters_in_evaluation_mode_and_shares_no_memory() -> None:
    parameters = network(0)
    module = chain().module(parameters)
    assert not module.training
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in parameters.items())
    with torch.no_grad():
        next(module.parameters()).zero_()
    assert torch.equal(parameters["layer_0.weight"], network(0)["layer_0.weight"])


def test_the_specification_ties_rows_biases_and_the_columns_of_the_next_layer() -> None:
    assert dict(chain().spec.axes) == {
        "layer_0.weight": ("layer_0", None),
        "layer_0.bias": ("layer_0",),
        "layer_1.weight": ("layer_1", "layer_0"),
        "layer_1.bias": ("layer_1",),
        "layer_2.weight": ("layer_2", "layer_1"),
        "layer_2.bias": ("layer_2",),
        "layer_3.weight": (None, "layer_2"),
        "layer_3.bias": (None,),
    }
    assert [chain().sources(group) for group in chain().spec.groups] == [("input",), ("layer_0",), ("layer_1",)]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("most_elements", [None, 1, 200])  # the line in one block, point by point, in uneven blocks
def test_line_logits_are_the_forward_passes_of_the_interpolated_networks(
    bias: bool, most_elements: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if most_elements is not None:
        monkeypatch.setattr(feed_forward, "MOST_ELEMENTS", most_elements)
    a, b, x, t = network(0, bias), network(1, bias), normal(11, 6), torch.from_numpy(line_points(7))
    maps = [{}, permutations(0), permutations(1)]
    logits = chain(bias).line_logits(a, b, maps, t, x)
    assert logits.shape == (3, 7, 11, 3)
    for m, permutation in enumerate(maps):
        line = interpolate(a, apply_permutations(b, chain(bias).spec, permutation), t)
        for k in range(len(t)):
            expected = chain(bias).module(unstack(line, k))(x)
            torch.testing.assert_close(logits[m, k], expected, rtol=1e-12, atol=1e-13)


def test_the_line_begins_in_a_and_ends_in_permuted_b() -> None:
    a, b, permutation = network(0, dtype=torch.float32), network(1, dtype=torch.float32), permutations(0)
    x, t = normal(50, 6, dtype=torch.float32), torch.from_numpy(line_points(5))
    line = chain().line_logits(a, b, [permutation], t, x)[0]
    aligned = apply_permutations(b, chain().spec, permutation)
    ends = chain().forward(stacked([a, aligned]), x)
    # Up to rounding: of arrays of other sizes a vectorised function computes the last elements in another way, and a permutation changes the
    # order in which a product adds up.
    for k, end in ((0, ends[0]), (-1, ends[1])):
        torch.testing.assert_close(line[k], end, rtol=0, atol=1e-5 * float(end.abs().max()))


def test_products_in_bfloat16_round_factors_and_results_and_add_the_bias_in_float32() -> None:
    stack, x = stacked([network(k, dtype=torch.float32) for k in (0, 1)]), normal(2, 9, 6, dtype=torch.float32)
    hidden = chain().with_products_in(torch.bfloat16).activations(stack, x)["layer_0"]
    for k in range(2):
        weight, bias = stack["layer_0.weight"][k], stack["layer_0.bias"][k]
        product = x[k].bfloat16().double() @ weight.bfloat16().double().T  # exact: factors of 8 bits, few terms
        expected = torch.relu(product.bfloat16().float() + bias)
        torch.testing.assert_close(hidden[k], expected, rtol=2**-8, atol=2**-7)
    assert hidden.dtype == torch.float32


def test_products_of_factors_in_bfloat16_are_those_of_rounded_numbers_in_float32() -> None:
    architecture, rounded = chain(), chain().with_products_in(torch.bfloat16, results=False)
    stack, x = stacked([network(k, dtype=torch.float32) for k in (0, 1)]), normal(2, 9, 6, dtype=torch.float32)
    short = {name: tensor.bfloat16().float() if name.endswith("weight") else tensor for name, tensor in stack.items()}
    assert torch.equal(rounded.activations(stack, x)["layer_0"], architecture.activations(short, x.bfloat16().float())["layer_0"])
    # So are gradients: of a network and inputs that are rounded already, only what comes between is rounded.
    gradients = {}
    for kind, tensors in ((architecture, short), (rounded, stack)):
        gradients[kind] = {name: torch.empty_like(tensor) for name, tensor in stack.items()}
        kind.gradients(tensors, x.bfloat16().float(), torch.ones_like, gradients[kind])
    for name, exact in gradients[architecture].items():
        gap = float((gradients[rounded][name] - exact).norm() / exact.norm())
        assert 0 <= gap < 0.02, name
    last = list(stack)[-1]  # a sum over examples, of numbers that are not rounded
    assert torch.equal(gradients[rounded][last], gradients[architecture][last])


@pytest.mark.parametrize("bias", [True, False])
def test_gradients_of_products_in_bfloat16_are_those_of_float32_up_to_its_rounding(bias: bool) -> None:
    architecture = FeedForward([Layer("first", bias, (nn.Tanh(),)), Layer("second", bias, (nn.Tanh(),)), Layer("output", bias)])
    shapes = {"first": (32, 16), "second": (32, 32), "output": (16, 32)}
    stack = {f"{name}.weight": normal(3, *shape, dtype=torch.float32) / shape[1] ** 0.5 for name, shape in shapes.items()}
    if bias:
        stack |= {f"{name}.bias": normal(3, shape[0], dtype=torch.float32) for name, shape in shapes.items()}
    stack = {name: stack[name] for name in architecture.spec.axes}
    x, pull = normal(3, 24, 16, dtype=torch.float32), normal(3, 24, 16, dtype=torch.float32)
    gradients = {}
    for key, kind in (("float32", architecture), ("bfloat16", architecture.with_products_in(torch.bfloat16))):
        gradients[key] = {name: torch.empty_like(tensor) for name, tensor in stack.items()}
        kind.gradients(stack, x, lambda logits: pull.clone(), gradients[key])
    for name, exact in gradients["float32"].items():
        gap = (gradients["bfloat16"][name] - exact).norm() / exact.norm()
        assert gap < 0.03, name  # a few roundings of 2^-9 each
    assert not torch.equal(gradients["bfloat16"]["first.weight"], gradients["float32"]["first.weight"])


def test_hidden_layers_without_an_activation_function_are_coordinates() -> None:
    layers = [Layer("one", True), Layer("two", True, (nn.Tanh(),)), Layer("three", True, (nn.Identity(),)), Layer("out", True)]
    sizes = {"one": (6, 4), "two": (5, 6), "three": (7, 5), "out": (3, 7)}
    parameters = {f"{name}.weight": normal(*shape, seed=k) for k, (name, shape) in enumerate(sizes.items())}
    parameters |= {f"{name}.bias": normal(shape[0], seed=9) for name, shape in sizes.items()}
    architecture, inputs, rng = FeedForward(layers), normal(8, 4, seed=20), np.random.default_rng(0)
    form = architecture.linear_form(parameters, inputs)
    assert form.groups == {"one": LinearGroup(6), "three": LinearGroup(7)}
    moved = form.free.apply(form.folded(parameters), {group: each.random(rng) for group, each in form.groups.items()})
    before, after = architecture.forward(stacked([parameters, moved]), inputs)
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)
