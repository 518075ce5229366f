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
        (lambda: Orthogonal(np.ones((2, 2))), r"^an orthogonal map must be a square matrix with Q Q' = 1, got shape \(2, 2\)\.$"),
    ],
)
def test_what_is_no_map_is_refused(make, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        make()
