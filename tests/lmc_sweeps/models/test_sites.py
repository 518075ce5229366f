"""Where parameters stand in products: which axis is summed over, and what reaches them there; and neurons that are found by it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from callers_networks import ALL, IMAGES, KINDS, Net, X, compared, network_of, parameter, planted, seeded
from torch import Tensor, nn

from lmc_sweeps.models.sites import Products, Use


def uses_of(build: Callable[[], nn.Module], inputs: Tensor) -> dict[str, list[Use]]:
    net = seeded(build, 0).eval()
    parameters = dict(net.named_parameters())
    with torch.no_grad(), Products(parameters, parameters, parameters) as products:
        net(inputs)
    return products.uses


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_is_summed_over_the_axis_of_what_feeds_it(kind):
    build, axes, inputs = KINDS[kind]
    uses = uses_of(build, inputs)
    products = {name for name, entry in axes.items() if len(entry) > 1 and name != "e.weight"}  # an embedding is looked up
    assert set(uses) == products
    assert {use.axis for name in products for use in uses[name]} == {1}


@pytest.mark.parametrize(
    ("build", "inputs"),
    [
        (network_of(lambda s, x: F.relu(x @ s.w), w=parameter(8, 3)), X),
        (network_of(lambda s, x: s.w(x), w=lambda: nn.ConvTranspose2d(3, 5, 2, bias=False)), IMAGES),
    ],
    ids=["x @ weight", "a transposed convolution"],
)
def test_a_weight_with_its_inputs_first_is_summed_over_its_first_axis(build, inputs):
    ((use,),) = uses_of(build, inputs).values()
    assert use.axis == 0


def test_what_reaches_a_layer_are_rows_of_its_inputs_one_for_every_example_and_pixel():
    (linear,) = uses_of(network_of(lambda s, x: s.a(x), a=lambda: nn.Linear(8, 3)), X)["a.weight"]
    assert torch.equal(linear.rows, X)
    (convolution,) = uses_of(network_of(lambda s, x: s.a(x), a=lambda: nn.Conv2d(3, 4, 3)), IMAGES)["a.weight"]
    assert torch.equal(convolution.rows, IMAGES.permute(0, 2, 3, 1).reshape(-1, 3))


def test_a_parameter_that_stands_in_two_products_has_both_in_their_order():
    shared = network_of(lambda s, x: s.a(F.relu(s.a(x))), a=lambda: nn.Linear(8, 8))
    first, second = uses_of(shared, X)["a.weight"]
    net = seeded(shared, 0)
    assert torch.equal(first.rows, X)
    torch.testing.assert_close(second.rows, F.relu(net.a(X)).detach())


def normalised(h: Tensor) -> Tensor:
    h = h - h.mean(-1, keepdim=True)
    return h / h.square().mean(-1, keepdim=True).sqrt()


# A product and its own bias, or none, by what comes after it; w is the weight, b its bias, c another one.
PRODUCTS: dict[str, tuple[Callable[[Net, Tensor], Tensor], dict[str, Callable[[], nn.Parameter]], bool]] = {
    "bias": (lambda s, x: x @ s.w.T + s.b, {"b": parameter(12)}, True),
    "bias first": (lambda s, x: s.b + (x @ s.w.T).unflatten(1, (3, 4)).flatten(1), {"b": parameter(12)}, True),
    "bias in place": (lambda s, x: (x @ s.w.T).add_(s.b), {"b": parameter(12)}, True),
    "weight first": (lambda s, x: s.w @ x.T + s.b[:, None], {"b": parameter(12)}, True),
    "bias of a part": (lambda s, x: (x @ s.w.T).chunk(3, -1)[1] + s.c, {"c": parameter(4)}, False),
    "along a new axis": (lambda s, x: (x @ s.w.T)[:, :, None] + s.c, {"c": parameter(4)}, False),
    "after an activation": (lambda s, x: (x @ s.w.T).relu_() + s.c, {"c": parameter(12)}, False),
    "normalised": (lambda s, x: normalised(x @ s.w.T) * s.c + s.c, {"c": parameter(12)}, False),
    "normalised, in a part": (lambda s, x: normalised(x @ s.w.T)[:, :6] + s.c, {"c": parameter(6)}, False),
}


@pytest.mark.parametrize("kind", PRODUCTS)
def test_results_are_products_with_their_own_biases_whatever_is_computed_of_them(kind: str) -> None:
    call, biases, has_bias = PRODUCTS[kind]
    build = network_of(call, w=parameter(12, 8), **biases)
    net = seeded(build, 0)
    (use,) = uses_of(build, X)["w"]
    expected = X @ net.w.detach().T + (net.b.detach() if has_bias else 0)
    torch.testing.assert_close(use.results, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_neurons_axis_is_what_the_product_sums_over(kind):
    build, axes, x = KINDS[kind]
    a, b, moved = planted(build, axes)
    comparison = compared(a, b, axes, x)
    for method in ALL[1:]:
        for group, order in moved.items():
            np.testing.assert_array_equal(comparison.permutations[method][group], np.argsort(order))
    matched = comparison.runs[comparison.runs.matching != "identity"]
    assert (matched.loss_barrier < 1e-6).all()
    assert (comparison.runs.function_gap < 1e-5).all()
