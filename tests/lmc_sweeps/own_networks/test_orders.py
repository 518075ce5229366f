"""Orders of layers: against all permutations, and in a time that no file can stretch."""

import itertools

import numpy as np
import pytest

from lmc_sweeps.own_networks.orders import ends_of, fits, orders


def by_trying(shapes, ends, names=None):
    """Return every order that is a chain and, with names, keeps the numbers of names that differ in nothing else."""
    chains = []
    for order in itertools.permutations(range(len(shapes))):
        numbers = [int(names[k].strip("ab")) for k in order if names[k].startswith("a")] if names else []
        if fits([shapes[k] for k in order], ends) and numbers == sorted(numbers):
            chains.append(list(order))
    return chains


def test_the_orders_are_those_that_trying_all_of_them_gives():
    rng = np.random.default_rng(0)
    several = 0
    for _ in range(400):
        sizes = [int(size) for size in rng.integers(2, 5, rng.integers(3, 7))]
        shapes = [(sizes[k], sizes[k + 1]) for k in rng.permutation(len(sizes) - 1)]
        names = [f"{'ab'[int(rng.integers(2))]}{k}" for k in rng.permutation(12)[: len(shapes)]]
        names = [name if name.startswith("a") else "b" * (k + 1) for k, name in enumerate(names)]
        ends = (sizes[0], sizes[-1]) if rng.random() < 0.9 else (2, 3)
        for hint in (None, names):
            expected, chains = by_trying(shapes, ends, hint), orders(shapes, ends, hint)
            assert len(chains) == min(2, len(expected))
            assert all(order in expected for order in chains)
            several += len(chains) == 2
    assert several > 100


def test_numbers_are_numbers_and_not_words():
    shapes = [(5, 5), (5, 5), (5, 5)]
    assert orders(shapes, (5, 5), ["fc10", "fc2", "fc1"]) == [[2, 1, 0]]
    assert orders(shapes, (5, 5), ["b1.fc2", "b2.fc1", "b1.fc1"]) == [[2, 0, 1]]
    assert len(orders(shapes, (5, 5), ["fc1", "fc01", "fc2"])) == 2  # one number, written twice
    assert orders(shapes, (5, 5), [f"fc1{k:05000}" for k in (1, 0, 2)]) == [[1, 0, 2]]


@pytest.mark.parametrize(
    ("shapes", "ends"),
    [
        ([(64, 32), (32, 10)], (64, 10)),
        ([(32, 10), (64, 32)], (64, 10)),
        ([(64, 32), (30, 10)], None),
        ([(5, 5), (5, 5)], None),  # all of one size: any of them could be first
        ([(64, 32), (16, 16), (32, 10)], None),  # what comes in goes out, but 16 is not reached
        ([], None),
    ],
)
def test_the_ends_are_known_where_only_one_pair_is_possible(shapes, ends):
    assert ends_of(shapes) == ends


def test_a_thousand_layers_are_put_in_order_or_given_up_soon():
    square = [(5, 5)] * 999 + [(5, 3)]
    names = [f"fc{k}" for k in range(1000)]
    assert orders(square, (5, 3), names) == [list(range(1000))]
    assert len(orders(square, (5, 3))) == 2
    loops = [(a, b) for a in range(20) for b in range(20)]  # a maze: 20 sizes, each leading to each
    assert len(orders([*loops, (0, 99)], (0, 99))) == 2
