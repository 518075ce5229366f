"""Specifications that callers bring: in any order, of tied parameters, and what is refused because nothing could be matched by them."""

import copy
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from callers_networks import (
    ALL,
    HIDDEN,
    KINDS,
    Axes,
    Net,
    compared,
    dense,
    network_of,
    parameter,
    refusal,
    seeded,
    with_buffer,
)
from torch import nn

from lmc_sweeps import trace
from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations


def test_a_specification_in_any_order_gives_the_same_as_in_the_order_of_the_network():
    build, axes, x = KINDS["conv1d, channels = length"]
    a, b = (seeded(build, seed) for seed in (0, 1))
    expected = compared(a, b, axes, x)
    for names in (list(axes)[::-1], sorted(axes), list(axes)[2:] + list(axes)[:2]):
        comparison = compared(a, b, {name: axes[name] for name in names}, x)
        for method in ALL:
            for group in ("a", "b"):
                np.testing.assert_array_equal(comparison.permutations[method][group], expected.permutations[method][group])
        assert comparison.layers[["matching", "layer", "layer_name"]].equals(expected.layers[["matching", "layer", "layer_name"]])


def test_tied_parameters_are_one_and_move_together():
    def tied() -> Net:
        net = Net(lambda s, x: s.o(torch.relu(s.a(x))) + s.p(torch.relu(s.a(x))), a=nn.Linear(8, 5), o=nn.Linear(5, 3), p=nn.Linear(5, 3))
        net.p.weight = net.o.weight
        return net

    a, b = (seeded(tied, seed) for seed in (0, 1))
    for more in ({"p.bias": (None,)}, {"p.bias": (None,), "p.weight": (None, "h")}):
        comparison = compared(a, b, HIDDEN | more)
        b.load_state_dict(comparison.aligned["activations"])
        assert torch.equal(comparison.aligned["activations"]["o.weight"], comparison.aligned["activations"]["p.weight"])
    with pytest.raises(InputError, match=r"^'p.weight' and 'o.weight' are one tensor, but the permutation specification gives them"):
        compared(a, b, HIDDEN | {"p.bias": (None,), "p.weight": (None, None)})
    untied = copy.deepcopy(b)
    untied.p.weight = nn.Parameter(untied.o.weight.detach().clone())
    with pytest.raises(InputError, match=r"^network A and network B differ in 'p.weight': o.weight against \(3, 5\)\."):
        compared(a, untied, HIDDEN | {"p.bias": (None,)})


RAW: Axes = {"v": ("h", None), "w": (None, "h")}


@pytest.mark.parametrize(
    ("build", "axes", "message"),
    [
        (  # as `x @ w` has it: the layout in which the first axis is that of the inputs
            network_of(lambda s, x: F.relu(x @ s.v) @ s.w, v=parameter(8, 8), w=parameter(8, 3)), {"v": (None, "h"), "w": ("h", None)},
            "'w' is summed over its first axis (as in `x @ weight`, or a transposed convolution): that axis has its inputs",
        ),
    ],
    ids=["inputs first"],
)  # fmt: skip
def test_a_right_specification_that_the_methods_would_misread_is_refused(build, axes, message):
    a, b = (seeded(build, seed) for seed in (0, 1))
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        compared(a, b, axes)


def test_neurons_that_no_product_shows_are_matched_by_their_weights_and_named():
    build = network_of(lambda s, x: (F.relu((x[:, None] * s.v).sum(-1))[:, None] * s.w).sum(-1), v=parameter(8, 8), w=parameter(3, 8))
    a, b = (seeded(build, seed) for seed in (0, 1))
    result = compared(a, b, RAW)
    assert any(note.startswith("activations: no product of matrices shows the activations of h, so they are") for note in result.notes)
    assert any(note.startswith("covariance: no product of matrices shows the activations of v, so their") for note in result.notes)
    for method in ("covariance", "activations"):  # for `activations` all costs are equal, and the weights decide, those to the outputs too
        others = {"weights": {"outgoing": method == "activations"}}
        expected = compared(a, b, RAW, matching=["weights"], settings=others).permutations["weights"]["h"]
        np.testing.assert_array_equal(result.permutations[method]["h"], expected)


def test_groups_that_feed_one_another_settle_at_a_fixed_point_that_does_not_depend_on_their_order():
    build = network_of(
        lambda s, x: s.o(torch.relu(s.i(x)) + s.b(torch.relu(s.a(torch.relu(s.i(x)))))),
        i=lambda: nn.Linear(8, 6), a=lambda: nn.Linear(6, 5), b=lambda: nn.Linear(5, 6), o=lambda: nn.Linear(6, 3),
    )  # fmt: skip
    axes: Axes = {
        "i.weight": ("r", None), "i.bias": ("r",), "a.weight": ("a", "r"), "a.bias": ("a",), "b.weight": ("r", "a"), "b.bias": ("r",),
        "o.weight": (None, "r"), "o.bias": (None,),
    }  # fmt: skip
    a, b = (seeded(build, seed) for seed in (0, 1))
    orders = {"r": np.array([3, 0, 5, 1, 4, 2]), "a": np.array([4, 2, 0, 1, 3])}
    shuffled = copy.deepcopy(b)
    shuffled.load_state_dict(apply_permutations(b.state_dict(), PermutationSpec(axes), orders))
    one, other = (compared(a, network, axes) for network in (b, shuffled))
    for method in ("weights", "covariance", "activations"):
        for group, order in orders.items():
            np.testing.assert_array_equal(order[other.permutations[method][group]], one.permutations[method][group])


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "a constant that is permuted": ({"a": with_buffer(torch.arange(8), True), "b": with_buffer(torch.arange(8), True), "spec": HIDDEN | {"c": ("h",)}}, "'c', in torch.int64, is a constant: only finite floating-point numbers are permuted."),
    "nothing permuted": ({"spec": {name: (None,) * len(entry) for name, entry in HIDDEN.items()}}, "the permutation specification names no group: nothing could be permuted"),
    "one neuron": ({"a": dense(1), "b": dense(1)}, "every group of the permutation specification (h) has one neuron: there is nothing to permute."),
    "only a bias": ({"spec": {"a.weight": (None, None), "a.bias": ("h",), "o.weight": (None, "h"), "o.bias": (None,)}}, "group 'h' has no incoming weights"),
    "never computed": ({"spec": HIDDEN | {"a.weight": ("h", "i")}}, "group 'i' is on no parameter's first axis, that of its outputs (a.weight only)"),
    "unknown name": ({"spec": HIDDEN | {"a.biass": ("h",)}}, "the permutation specification names 'a.biass', which the network lacks; it has a.weight, a.bias, o.weight, o.bias. Did you mean 'a.bias'?"),
    "missing name": ({"spec": {name: entry for name, entry in HIDDEN.items() if name != "a.bias"}}, "the permutation specification lacks the parameters a.bias."),
    "axes": ({"spec": HIDDEN | {"a.bias": ("h", None)}}, "'a.bias' has 1 axes (8,), but the permutation specification gives it 2."),
    "sizes": ({"spec": HIDDEN | {"o.bias": ("h",)}}, "group 'h' has 8 neurons, but 'o.bias' of shape (3,) gives it 3."),
    "a bare name": ({"spec": HIDDEN | {"a.bias": "h"}}, "`permutation_spec` must give 'a.bias' one entry per axis, the name of a group or None, as in ('hidden', None), got 'h'."),
    "no mapping": ({"spec": ["h"]}, "`permutation_spec` must be a mapping of parameters to one entry per axis, the name of a group or None, got list."),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_specification_that_is_none_is_refused_in_one_sentence(case):
    changes, message = REFUSED[case]
    assert refusal(**changes).startswith(message)


def test_a_graph_that_was_traced_is_a_specification_and_groups_can_be_left_in_their_order() -> None:
    build, axes, x = KINDS["conv1d, channels = length"]
    a, b = (seeded(build, seed) for seed in (0, 1))
    graph = trace(a, x[:2])
    traced, by_graph = (compared(a, b, spec, x, matching=["weights"]) for spec in (None, graph))
    assert traced.runs["distance"].tolist() == by_graph.runs["distance"].tolist()
    first = graph.groups[0]
    assert set(compared(a, b, graph.without([first]), x, matching=["weights"]).permutations["weights"]) == set(graph.groups[1:])
    other = trace(torch.nn.Linear(3, 4), torch.zeros(2, 3))
    with pytest.raises(InputError, match=r"^`permutation_spec` is a graph of other tensors: '.*' has shape .*, and none there\.$"):
        compared(a, b, other, x)
