"""Test blocks as text: what was written comes back, and what nobody wrote is refused."""

import base64

import numpy as np
import pytest

from multirun_analysis.schema import BLOCK_MEASURES, MOST_BLOCKS, n_blocks, open_blocks, packed_blocks

ROWS = 1 + len(BLOCK_MEASURES)


def blocks_of(n: int) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(ROWS, n))
    values[0] = 7 + np.arange(n) % 2
    return values


@pytest.mark.parametrize("n", [1, 2, 37, MOST_BLOCKS])
def test_what_was_packed_comes_back_to_float32(n):
    np.testing.assert_array_equal(open_blocks(packed_blocks(blocks_of(n))), blocks_of(n).astype(np.float32))


def test_the_text_is_the_numbers_in_little_endian_order_whatever_the_machine():
    text = packed_blocks(np.ones((ROWS, 1)))
    assert base64.b64decode(text) == b"\x00\x00\x80\x3f" * ROWS


def test_what_no_float32_holds_is_no_number_and_an_empty_block_stays_one():
    blocks = blocks_of(3)
    blocks[1, 0], blocks[0, 1], blocks[1:, 1] = 1e300, 0.0, np.nan
    opened = open_blocks(packed_blocks(blocks))
    assert np.isnan(opened[1, 0])
    assert opened[0, 1] == 0
    assert np.isnan(opened[1:, 1]).all()


def test_few_examples_are_a_block_each():
    assert [n_blocks(n) for n in (1, 49, 50, 51, 10_000)] == [1, 49, 50, 50, 50]


def changed(row: int, value: float) -> str:
    blocks = blocks_of(4).astype("<f4")
    blocks[row, 1] = value
    return base64.b64encode(blocks.tobytes()).decode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a table of 5 rows"),
        (packed_blocks(blocks_of(4))[:-4], "is not a table of 5 rows"),
        (packed_blocks(blocks_of(MOST_BLOCKS + 1)), "is longer than 50 blocks are"),
        ("A" * 10**6, "is longer than 50 blocks are"),
        ("no base64!", "base64"),
        ("é" * 8, "ASCII"),
        (changed(0, 0.5), "a number that it cannot have"),
        (changed(0, -1.0), "a number that it cannot have"),
        (changed(0, np.nan), "a number that it cannot have"),
        (changed(2, np.inf), "a number that it cannot have"),
        (base64.b64encode(bytes(ROWS * 4)).decode(), "a number that it cannot have"),  # no item at all
    ],
)
def test_what_nobody_wrote_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        open_blocks(text)
