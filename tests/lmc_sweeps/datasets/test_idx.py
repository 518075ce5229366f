"""IDX files: what was written is read, and every kind of damage and of claim is refused."""

import gzip
import re
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idx_files import HEADER, IMAGES, encode, read

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.idx import MOST_BYTES, read_idx


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("array", [IMAGES, np.arange(200, dtype=np.uint8), np.full((1, 1, 1), 255, dtype=np.uint8)])
def test_what_was_written_is_read(tmp_path, array, zipped):
    contents = gzip.compress(encode(array)) if zipped else encode(array)
    array_read = read(tmp_path, contents)
    assert array_read.dtype == np.uint8
    np.testing.assert_array_equal(array_read, array)


def test_a_file_cut_at_any_byte_is_refused_with_what_is_missing(tmp_path):
    whole = encode(IMAGES)
    for length in range(len(whole)):
        if length < 4:
            message = re.escape(f"is not an IDX file of bytes: it begins with {whole[:length].hex()!r}, not 00000801 or 00000803.")
        elif length < 16:
            message = rf"is truncated: its header of 16 bytes ends after {length}\."
        else:
            message = rf"is damaged: its header promises 24 bytes of shape \(2, 3, 4\), and it holds {length - 16}\."
        with pytest.raises(InputError, match=message):
            read(tmp_path, whole[:length])


def test_a_gzip_file_cut_at_any_byte_is_refused(tmp_path):
    whole = gzip.compress(encode(IMAGES))
    for length in range(len(whole)):
        with pytest.raises(InputError, match=r"cannot be read: |is not an IDX file of bytes: it begins with '(1f)?', not"):
            read(tmp_path, whole[:length])


def test_a_flipped_bit_of_a_gzip_file_is_refused_or_changes_nothing(tmp_path):
    whole = gzip.compress(encode(IMAGES), mtime=0)
    harmless = 0
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        try:
            np.testing.assert_array_equal(read(tmp_path, bytes(broken)), IMAGES)
            harmless += 1
        except InputError:
            continue
    # The time, the operating system and hints to the decompressor are the six bytes of gzip's header that mean nothing here,
    # beside single bits of its flags (such as "is text").
    assert harmless <= 6 * 8 + 10


@pytest.mark.parametrize("zipped", [False, True])
def test_trailing_bytes_are_refused(tmp_path, zipped):
    contents = encode(IMAGES) + b"\0"
    with pytest.raises(InputError, match=r"is damaged: its header promises 24 bytes of shape \(2, 3, 4\), and it holds more\."):
        read(tmp_path, gzip.compress(contents) if zipped else contents)


@pytest.mark.parametrize("head", ["01000803", "00010803", "00000903", "00000d03", "00000800", "00000802", "00000804", "504b0304"])
def test_a_wrong_magic_number_is_refused(tmp_path, head):
    with pytest.raises(InputError, match=f"is not an IDX file of bytes: it begins with '{head}', not 00000801 or 00000803"):
        read(tmp_path, bytes.fromhex(head) + encode(IMAGES)[4:])


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (2**31, 28, 28),
            r"claims the shape \(2147483648, 28, 28\), 1,683,627,180,032 bytes; at least 1 and at most 1,073,741,824 are read",
        ),
        ((2**32 - 1, 2**32 - 1, 2**32 - 1), r"claims the shape \(4294967295, 4294967295, 4294967295\), .* at most 1,073,741,824 are read"),
        ((0, 28, 28), r"claims the shape \(0, 28, 28\), 0 bytes; at least 1 and"),
        ((MOST_BYTES + 1,), r"claims the shape \(1073741825,\), 1,073,741,825 bytes; .* at most 1,073,741,824 are read"),
        ((MOST_BYTES,), r"is damaged: its header promises 1,073,741,824 bytes of shape \(1073741824,\), and it holds 3\."),
        ((1000, 1000, 1000), r"is damaged: its header promises 1,000,000,000 bytes of shape \(1000, 1000, 1000\), and it holds 3\."),
    ],
)
def test_a_claim_that_the_file_cannot_hold_is_refused_before_anything_of_that_size_is_allocated(tmp_path, shape, message, zipped):
    contents = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + b"abc"
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            read(tmp_path, gzip.compress(contents) if zipped else contents)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**23  # the buffers of gzip take a few hundred kB; the smallest large claim here is 2**30


@pytest.mark.parametrize("damage", [None, "gzip", "tail"])
@given(header=st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03", HEADER]), body=st.binary(max_size=40), at=st.integers(0, 60))
@settings(database=None, derandomize=True, deadline=None, max_examples=300)
def test_any_bytes_give_the_array_that_they_encode_or_an_input_error(tmp_path_factory, damage, header, body, at):
    contents = header + body
    if damage is not None:
        contents = gzip.compress(contents, mtime=0)
        contents = contents[:at] + body + contents[at:] if damage == "tail" else contents
    path = tmp_path_factory.getbasetemp() / "fuzz"
    path.write_bytes(contents)
    try:
        array = read_idx(path)
    except InputError:
        return
    assert encode(array) == (contents if contents[:2] != b"\x1f\x8b" else gzip.decompress(contents))


def test_a_file_that_is_not_there_or_is_a_folder_is_an_input_error(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match=re.escape(f"{path} cannot be read: [Errno")):
            read_idx(path)
