r"""Test blocks: what a row of a record keeps of the test examples, which all pairs share, so that their sampling error can be told.

Examples stand in blocks by their number, block b being those with :math:`i \bmod B = b`: the same for all pairs, for the order of a split
is fixed. Of every block a row has the number of items that count, and the means over these of four excesses,

.. math:: e_i(t) = E_i(\theta_t) - [(1 - t)\, E_i(\theta_A) + t\, E_i(\theta_B)]

of the loss and of the error: at the t of the row's barrier, and halfway. Their mean over blocks, weighted by the items, is the row's
barrier.
"""

import base64

import numpy as np

TEST_BLOCKS = "test_blocks"  # of a row of ``runs``: a text, of the test split only
MOST_BLOCKS = 50  # of a split; fewer examples than that are a block each
BLOCK_MEASURES = ("loss_barrier", "loss_midpoint_barrier", "error_barrier", "error_midpoint_barrier")
N_ROWS = 1 + len(BLOCK_MEASURES)  # of what is kept: the items, then the means
_DTYPE = np.dtype("<f4")
_LONGEST = 4 * -(-N_ROWS * MOST_BLOCKS * _DTYPE.itemsize // 3)  # letters: three bytes in four


def n_blocks(examples: int) -> int:
    """Return the number of blocks of so many examples.

    >>> n_blocks(10_000), n_blocks(12)
    (50, 12)
    """
    return min(MOST_BLOCKS, examples)


def packed_blocks(blocks: np.ndarray) -> str:
    """Return test blocks as the text in a record: numbers of four bytes (little-endian float32), row after row, in base64.

    Parameters
    ----------
    blocks : ndarray, shape (5, B)
        The numbers of items, then the mean excesses in the order of `BLOCK_MEASURES`; NaN where there are none.
    """
    with np.errstate(over="ignore"):
        values = np.asarray(blocks).astype(_DTYPE)
    values[np.isinf(values)] = np.nan
    return base64.b64encode(values.tobytes()).decode()


def open_blocks(text: str) -> np.ndarray:
    """Return the test blocks in a text of a record, shape (5, B) in float32.

    Raises
    ------
    ValueError
        If it is not what `packed_blocks` returns.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"`{TEST_BLOCKS}` is longer than {MOST_BLOCKS} blocks are")
    data = base64.b64decode(text, validate=True)
    if not data or len(data) % (N_ROWS * _DTYPE.itemsize):
        raise ValueError(f"`{TEST_BLOCKS}` is not a table of {N_ROWS} rows")
    blocks = np.frombuffer(data, _DTYPE).reshape(N_ROWS, -1)
    items = blocks[0]
    if np.isinf(blocks).any() or not (items >= 0).all() or (items % 1).any() or not items.any():
        raise ValueError(f"`{TEST_BLOCKS}` has a number that it cannot have")
    return blocks
