"""Maps of neurons: permutations, couplings, orthogonal matrices."""

import numpy as np
import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.symmetry.maps import Coupling, Orthogonal, Permutation

rng = np.random.default_rng(0)
WEIGHTS = torch.from_numpy(rng.standard_normal((4, 5, 3)))


def test_a_permutation_puts_neuron_order_i_of_b_in_the_place_of_neuron_i_of_a() -> None:
    order = np.array([2, 0, 1, 3, 4])
    assert torch.equal(Permutation(order).apply(WEIGHTS, 1), WEIGHTS[:, order])
    assert Permutation(order).is_permutation


def test_permutations_compose_and_are_undone() -> None:
    first, then = Permutation(rng.permutation(5)), Permutation(rng.permutation(5))
    one_after_the_other = then.apply(first.apply(WEIGHTS, 1), 1)
    assert torch.equal(then.after(first).apply(WEIGHTS, 1), one_after_the_other)
    assert torch.equal(first.inverse().apply(first.apply(WEIGHTS, 1), 1), WEIGHTS)


@pytest.mark.parametrize("reads", [False, True])
def test_a_coupling_that_is_a_permutation_acts_as_it_does_on_both_sides(reads: bool) -> None:
    order = rng.permutation(5)
    coupling = Coupling(np.eye(5)[order] / 5)
    assert coupling.is_permutation
    torch.testing.assert_close(coupling.apply(WEIGHTS, 1, reads=reads), Permutation(order).apply(WEIGHTS, 1), rtol=0, atol=1e-12)


def test_rows_of_a_coupling_are_means_and_what_is_read_is_shared_without_loss() -> None:
    plan = rng.uniform(size=(3, 5))
    coupling = Coupling(plan / plan.sum())
    assert (coupling.n_a, coupling.n_b) == (3, 5)
    assert not coupling.is_permutation
    ones = torch.ones(5, dtype=torch.float64)
    torch.testing.assert_close(coupling.apply(ones, 0, reads=False), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-12)
    read = coupling.apply(WEIGHTS, 1, reads=True)
    assert read.shape == (4, 3, 3)
    torch.testing.assert_close(read.sum(1), WEIGHTS.sum(1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("copies", [2, 3])
def test_a_network_widened_by_copies_of_its_neurons_is_the_same_function(copies: int) -> None:
    """By the coupling of each neuron with its copies; one normalisation on both sides would make the output `copies` times as large."""
    w1, b1, w2 = (torch.from_numpy(rng.standard_normal(shape)) for shape in ((4, 3), (4,), (2, 4)))
    plan = np.repeat(np.eye(4), copies, axis=0) / (4 * copies)
    coupling, x = Coupling(plan), torch.from_numpy(rng.standard_normal((7, 3)))
    wide = torch.relu(x @ coupling.apply(w1, 0, reads=False).T + coupling.apply(b1, 0, reads=False)) @ coupling.apply(w2, 1, reads=True).T
    torch.testing.assert_close(wide, torch.relu(x @ w1.T + b1) @ w2.T, rtol=0, atol=1e-12)


def coupling(mass_a: np.ndarray, mass_b: np.ndarray) -> Coupling:
    """Return a coupling of neurons of these masses that is not their product."""
    plan = rng.uniform(size=(len(mass_a), len(mass_b)))
    for _ in range(2000):
        plan *= (mass_a / plan.sum(1))[:, None]
        plan *= mass_b / plan.sum(0)
    return Coupling(plan)


def masses(n: int) -> np.ndarray:
    mass = rng.uniform(0.5, 1.5, n)
    return mass / mass.sum()


@pytest.mark.parametrize("reads", [False, True])
def test_couplings_compose_on_both_sides_also_of_neurons_of_unequal_mass(reads: bool) -> None:
    a, m, b = masses(6), masses(3), masses(5)
    first, then = coupling(m, b), coupling(a, m)
    both = then.after(first)
    one_after_the_other = then.apply(first.apply(WEIGHTS, 1, reads=reads), 1, reads=reads)
    torch.testing.assert_close(both.apply(WEIGHTS, 1, reads=reads), one_after_the_other, rtol=0, atol=1e-10)
    np.testing.assert_allclose(both.plan.sum(1), a, rtol=0, atol=1e-10)
    np.testing.assert_allclose(both.plan.sum(0), b, rtol=0, atol=1e-10)


def test_composition_of_couplings_is_associative_and_the_identity_is_neutral() -> None:
    a, m, k, b = masses(4), masses(3), masses(6), masses(5)
    third, second, first = coupling(a, m), coupling(m, k), coupling(k, b)
    np.testing.assert_allclose(third.after(second).after(first).plan, third.after(second.after(first)).plan, rtol=0, atol=1e-12)
    for same in (Coupling(np.diag(a)).after(third), third.after(Coupling(np.diag(m)))):
        np.testing.assert_allclose(same.plan, third.plan, rtol=0, atol=1e-12)


def test_the_inverse_of_a_coupling_swaps_its_sides_and_the_order_of_a_composition() -> None:
    then, first = coupling(masses(6), m := masses(3)), coupling(m, masses(5))
    np.testing.assert_array_equal(then.inverse().rows, then.columns.T)
    np.testing.assert_array_equal(then.inverse().columns, then.rows.T)
    np.testing.assert_array_equal(then.inverse().inverse().plan, then.plan)
    np.testing.assert_allclose(then.after(first).inverse().plan, first.inverse().after(then.inverse()).plan, rtol=0, atol=1e-10)


def test_the_inverse_undoes_copies_and_permutations() -> None:
    copies = Coupling(np.repeat(np.eye(5), 2, axis=0) / 10)
    order = rng.permutation(5)
    for undone in (copies, Coupling(np.eye(5)[order] / 5)):
        np.testing.assert_allclose(undone.inverse().after(undone).plan, np.eye(5) / 5, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(Coupling(np.eye(5)[order] / 5).inverse().plan.argmax(1), Permutation(order).inverse().order)


def test_couplings_compose_as_the_permutations_that_they_are() -> None:
    first, then = rng.permutation(5), rng.permutation(5)
    both = Coupling(np.eye(5)[then] / 5).after(Coupling(np.eye(5)[first] / 5))
    assert both.is_permutation
    np.testing.assert_array_equal(both.plan.argmax(1), Permutation(then).after(Permutation(first)).order)


@pytest.mark.parametrize("middle", [masses(3), masses(4)])
def test_couplings_that_do_not_meet_do_not_compose(middle: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"^a coupling of 2 with 3 neurons cannot follow one of \d with 5: .* of the same mass in both\.$"):
        coupling(masses(2), masses(3)).after(coupling(middle, masses(5)))


def test_a_matrix_larger_than_a_block_is_known_to_be_orthogonal_or_not() -> None:
    matrix = np.linalg.qr(rng.standard_normal((600, 600)))[0]
    assert Orthogonal(matrix).n_a == 600
    for row, column in ((0, 0), (0, 599), (599, 0), (300, 400)):
        wrong = matrix.copy()
        wrong[row, column] += 1e-3
        with pytest.raises(InputError, match="an orthogonal map must be"):
            Orthogonal(wrong)


def test_orthogonal_maps_compose_and_are_undone() -> None:
    first, then = (Orthogonal(np.linalg.qr(rng.standard_normal((5, 5)))[0]) for _ in range(2))
    torch.testing.assert_close(then.after(first).apply(WEIGHTS, 1), then.apply(first.apply(WEIGHTS, 1), 1), rtol=0, atol=1e-12)
    torch.testing.assert_close(first.inverse().apply(first.apply(WEIGHTS, 1), 1), WEIGHTS, rtol=0, atol=1e-12)
    torch.testing.assert_close(first.apply(WEIGHTS, 1).norm(), WEIGHTS.norm(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Permutation(np.array([0, 0, 2])), r"^a permutation must be an order of 0, \.\.\., 2, got \[0, 0, 2\]\.$"),
        (lambda: Permutation(np.array([0.0, 1.0])), r"^a permutation must be an order"),
        (lambda: Coupling(np.eye(3)), r"^a coupling must be .* whose sum is 1, .*, got shape \(3, 3\) and sum 3\.$"),
        (lambda: Coupling(np.array([[1.0, 0.0]])), r"without an empty row or column"),
        (lambda: Coupling(np.ones(3) / 3), r"^a coupling must be a matrix .*, got shape \(3,\) and sum 1\.$"),
        (lambda: Coupling(np.array([[1.5, -0.5]])), r"of numbers from 0 on"),
        (lambda: Coupling(np.array([[np.nan, 1.0]])), r"and sum nan\.$"),
        (lambda: Coupling(np.full((2, 2), 1.7e308)), r"and sum inf\.$"),
        (lambda: Orthogonal(np.full((2, 2), np.nan)), r"^an orthogonal map must be"),
        (lambda: Orthogonal(np.full((2, 2), 1.7e308)), r"^an orthogonal map must be"),
        (lambda: Orthogonal(np.eye(3)[:2]), r"got shape \(2, 3\)\.$"),
        (lambda: Orthogonal(np.ones((2, 2))), r"^an orthogonal map must be a square matrix with Q Q' = 1, got shape \(2, 2\)\.$"),
    ],
)
def test_what_is_no_map_is_refused(make, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        make()
