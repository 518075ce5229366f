"""Permutations of neurons: one direction, exact inverses, and errors that name the parameter that does not fit."""

import itertools
import re

import numpy as np
import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.maths.permutations import PermutationSpec, apply_permutations, from_coupling, inverse, is_permutation, permute

SPEC = PermutationSpec(
    {
        "first.weight": ("first", None),
        "first.bias": ("first",),
        "second.weight": ("second", "first"),
        "second.bias": ("second",),
        "output.weight": (None, "second"),
        "output.bias": (None,),
    }
)
SIZES = {"first": 5, "second": 4}


def network(seed: int = 0) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    shapes = {name: tuple(SIZES.get(group or "", 3) for group in axes) for name, axes in SPEC.axes.items()}
    return {name: torch.from_numpy(rng.standard_normal(shape)) for name, shape in shapes.items()}


def planted(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {group: rng.permutation(size) for group, size in SIZES.items()}


def test_groups_come_in_the_order_in_which_they_are_computed() -> None:
    assert SPEC.groups == ("first", "second")
    assert SPEC.incoming("second") == ("second.weight",)
    assert SPEC.incoming("second", biases=True) == ("second.weight", "second.bias")
    assert SPEC.sizes(network()) == SIZES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"second.bias": None},
            "the permutation specification names 'second.bias', which the network lacks; "
            "it has first.weight, first.bias, second.weight, output.weight, output.bias.",
        ),
        ({"scale": torch.ones(3), "shift": torch.ones(3)}, "the permutation specification lacks the parameters scale, shift."),
        (
            {"second.weight": torch.ones(4, 5, 1)},
            "'second.weight' has 3 axes (4, 5, 1), but the permutation specification gives it 2.",
        ),
        ({"second.weight": torch.ones(4, 6)}, "group 'first' has 5 neurons, but 'second.weight' of shape (4, 6) gives it 6."),
        ({"output.weight": torch.ones(3, 9)}, "group 'second' has 4 neurons, but 'output.weight' of shape (3, 9) gives it 9."),
    ],
)
def test_parameters_that_do_not_fit_the_specification_are_named(change: dict, message: str) -> None:
    parameters = {name: tensor for name, tensor in {**network(), **change}.items() if tensor is not None}
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        SPEC.sizes(parameters)
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        apply_permutations(parameters, SPEC, {})


@pytest.mark.parametrize("n", [1, 2, 4])
def test_is_permutation_holds_for_the_permutations_and_for_nothing_else(n: int) -> None:
    true = set(itertools.permutations(range(n)))
    for candidate in itertools.product(range(-1, n + 1), repeat=n):
        assert is_permutation(np.array(candidate)) == (candidate in true)


@pytest.mark.parametrize("seed", range(3))
def test_the_inverse_undoes_on_both_sides(seed: int) -> None:
    permutation = np.random.default_rng(seed).permutation(11)
    np.testing.assert_array_equal(permutation[inverse(permutation)], np.arange(11))
    np.testing.assert_array_equal(inverse(permutation)[permutation], np.arange(11))


def test_neuron_permutation_i_of_b_is_placed_at_neuron_i() -> None:
    b, permutations = network(), planted(1)
    moved = apply_permutations(b, SPEC, permutations)
    one, two = permutations["first"], permutations["second"]
    for i, j in itertools.product(range(SIZES["second"]), range(SIZES["first"])):
        assert moved["first.bias"][j] == b["first.bias"][one[j]]
        assert torch.equal(moved["first.weight"][j], b["first.weight"][one[j]])
        assert moved["second.weight"][i, j] == b["second.weight"][two[i], one[j]]
        assert torch.equal(moved["output.weight"][:, i], b["output.weight"][:, two[i]])
    assert torch.equal(moved["output.bias"], b["output.bias"])


def test_the_inverse_permutation_brings_the_network_back_and_leaves_its_inputs_alone() -> None:
    b, permutations = network(), planted(1)
    copies = {name: tensor.clone() for name, tensor in b.items()}
    moved = apply_permutations(b, SPEC, permutations)
    assert not torch.equal(moved["second.weight"], b["second.weight"])
    back = apply_permutations(moved, SPEC, {group: inverse(p) for group, p in permutations.items()})
    for name, tensor in copies.items():
        assert torch.equal(back[name], tensor)
        assert torch.equal(b[name], tensor)


def test_two_permutations_in_turn_are_their_composition() -> None:
    b, one, two = network(), planted(1), planted(2)
    in_turn = apply_permutations(apply_permutations(b, SPEC, one), SPEC, two)
    at_once = apply_permutations(b, SPEC, {group: one[group][two[group]] for group in one})
    assert all(torch.equal(in_turn[name], at_once[name]) for name in b)


def test_the_identity_and_no_permutation_at_all_move_nothing() -> None:
    b = network()
    nothing = {group: np.arange(size) for group, size in SPEC.sizes(b).items()}
    assert {group: p.tolist() for group, p in nothing.items()} == {"first": [0, 1, 2, 3, 4], "second": [0, 1, 2, 3]}
    for permutations in (nothing, {}):
        moved = apply_permutations(b, SPEC, permutations)
        assert all(torch.equal(moved[name], b[name]) for name in b)


def test_permute_moves_both_axes_of_a_group_that_feeds_itself() -> None:
    matrix, p = torch.arange(9.0).view(3, 3), np.array([2, 0, 1])
    assert torch.equal(permute(matrix, ("g", "g"), {"g": p}), matrix[p][:, p])


@pytest.mark.parametrize("bad", [[0, 1, 2, 3], [0, 1, 2, 3, 3], [1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]])
def test_an_index_array_that_is_no_permutation_of_its_group_is_refused(bad: list[int]) -> None:
    message = f"group 'first' needs a permutation of 0, ..., 4, got {bad}."
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        apply_permutations(network(), SPEC, {"first": np.array(bad)})


@pytest.mark.parametrize("n", [1, 2, 3, 30])
def test_a_permutation_coupling_is_read_exactly(n: int) -> None:
    permutation = np.random.default_rng(n).permutation(n)
    rounded, exact = from_coupling(np.eye(n)[permutation] / n)
    assert exact
    assert rounded.dtype == np.int64
    np.testing.assert_array_equal(rounded, permutation)


def test_a_spread_coupling_is_rounded_to_the_permutation_with_most_mass_and_said_to_be_inexact() -> None:
    # Row by row the largest entries are in columns 0, 0, 1: no permutation. Of all six, (0, 2, 1) keeps the most mass, 13/27.
    coupling = np.array([[5.0, 2.0, 2.0], [4.0, 2.0, 3.0], [0.0, 5.0, 4.0]]) / 27
    masses = {p: coupling[np.arange(3), list(p)].sum() for p in itertools.permutations(range(3))}
    assert max(masses, key=masses.get) == (0, 2, 1)
    rounded, exact = from_coupling(coupling)
    assert not exact
    assert rounded.tolist() == [0, 2, 1]


@pytest.mark.parametrize("spread", [1e-7, 1e-3, 0.3])
def test_a_blurred_permutation_is_read_but_said_to_be_inexact(spread: float) -> None:
    # An entropic coupling of strong permutation character: even when argmax finds it, it is not a permutation.
    n, permutation = 6, np.array([3, 5, 0, 1, 4, 2])
    coupling = (1 - spread) * np.eye(n)[permutation] / n + spread * np.full((n, n), 1 / n**2)
    np.testing.assert_allclose(coupling.sum(), 1.0, rtol=1e-12)
    rounded, exact = from_coupling(coupling)
    assert not exact
    np.testing.assert_array_equal(rounded, permutation)


def test_rounding_errors_of_a_solver_do_not_make_a_permutation_inexact() -> None:
    assert from_coupling(np.eye(7) / 7 * (1 + 1e-13))[1]
