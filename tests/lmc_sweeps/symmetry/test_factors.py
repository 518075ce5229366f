"""Factors of axes: whatever is done to the shape of a tensor, relabeling before it and after it is the same."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc_sweeps.symmetry.factors import Factors, Places

SHAPES = [
    ((4, 6), (24,)), ((24,), (4, 6)), ((4, 6), (2, 2, 6)), ((4, 6), (8, 3)), ((2, 12, 1), (2, 3, 4)), ((6, 2, 5), (6, 10)), ((1, 12), (3, 1, 4)),
    ((12,), (1, 12, 1)), ((2, 3, 4), (6, 4)), ((2, 3, 4), (4, 6)), ((9, 2), (2, 9)),
]  # fmt: skip


def orders(factors: Factors, rng: np.random.Generator) -> dict[int, np.ndarray]:
    """Return an order of the places of every factor, drawn for free ones."""
    roots = {factors.root(n) for n in range(len(factors.nodes))}
    return {n: np.arange(factors.size(n)) if factors.is_fixed(n) else rng.permutation(factors.size(n)) for n in sorted(roots)}


def index(factors: Factors, axis: Places, drawn: dict[int, np.ndarray]) -> np.ndarray:
    """Return the order of the places of an axis, place by place."""
    places, offset = [], 0
    for segment in factors.resolved(axis):
        sizes = [factors.size(n) for n in segment]
        for indices in itertools.product(*(drawn[factors.root(n)] for n in segment)):
            places.append(offset + sum(k * int(np.prod(sizes[i + 1 :])) for i, k in enumerate(indices)))
        offset += int(np.prod(sizes))
    return np.array(places, dtype=int)


def relabelled(factors: Factors, array: np.ndarray, axes: list[Places], drawn: dict[int, np.ndarray]) -> np.ndarray:
    return array[np.ix_(*(index(factors, axis, drawn) for axis in axes))]


@pytest.mark.parametrize(("before", "after"), SHAPES)
def test_reshaping_and_relabeling_commute(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    factors, rng = Factors(), np.random.default_rng(0)
    axes = [factors.new(size) for size in before]
    shaped = factors.reshaped(axes, after)
    drawn, array = orders(factors, rng), np.arange(np.prod(before)).reshape(before)
    assert [factors.axis_size(axis) for axis in shaped] == list(after)
    np.testing.assert_array_equal(
        relabelled(factors, array, axes, drawn).reshape(after), relabelled(factors, array.reshape(after), shaped, drawn)
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=3), min_size=2, max_size=4), st.integers(0, 3))
def test_axes_that_were_tied_have_one_order_however_they_are_made_up(parts: list[list[int]], turns: int) -> None:
    """An axis of pieces, products of factors, against one whose pieces have other sizes, and against one alone."""
    factors = Factors()
    first: Places = tuple(tuple(n for size in part for segment in factors.new(size) for n in segment) for part in parts)
    size = factors.axis_size(first)
    sizes = [factors.segment_size(segment) for segment in first]
    sizes = sizes[turns % len(sizes) :] + sizes[: turns % len(sizes)]
    second: Places = tuple(segment for n in sizes for segment in factors.new(n))
    third = factors.new(size)
    factors.tie(first, second)
    factors.tie(third, second)
    drawn = orders(factors, np.random.default_rng(0))
    ends = [index(factors, axis, drawn) for axis in (first, second, third)]
    assert sorted(ends[0]) == list(range(size))
    for end in ends[1:]:
        np.testing.assert_array_equal(ends[0], end)


def test_pieces_of_a_whole_are_relabelled_as_it_is() -> None:
    factors = Factors()
    whole = factors.new(9)
    pieces = factors.pieces(whole, (2, 3, 4))
    drawn = orders(factors, np.random.default_rng(1))
    orders_of_pieces = np.split(index(factors, whole, drawn), [2, 5])
    for piece, order, offset in zip(pieces, orders_of_pieces, (0, 2, 5), strict=True):
        np.testing.assert_array_equal(index(factors, piece, drawn) + offset, order)
    assert not any(factors.is_fixed(n) for n in range(len(factors.nodes)))


def test_what_is_fixed_stays_whatever_it_was_made_one_with_or_split_into() -> None:
    factors = Factors()
    one, other = factors.new(6), factors.new(6)
    two, three = factors.reshaped([one], (2, 3))
    factors.tie(one, other)
    factors.fix(other)
    assert all(factors.is_fixed(n) for axis in (two, three, one, other) for segment in factors.resolved(axis) for n in segment)


def test_channels_flattened_with_their_positions_are_still_channels() -> None:
    factors = Factors()
    channels, positions = factors.new(4), factors.new(9, fixed=True)
    (flat,) = factors.reshaped([channels, positions], (36,))
    columns = factors.new(36)
    factors.tie(flat, columns)
    ((channel, position),) = factors.resolved(columns)
    assert (factors.size(channel), factors.size(position)) == (4, 9)
    assert [factors.is_fixed(channel), factors.is_fixed(position)] == [False, True]
    assert factors.root(channel) == factors.root(channels[0][0])
