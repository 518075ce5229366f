"""CIFAR-10's batches: pickles as Python 2 and 3 and both NumPys write them, damaged ones, and those that would run something."""

import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from cifar10_files import IMAGES, LABELS, archive, batch, load, python2, python3, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.cifar10 import ARCHIVE, FOLDER, read_batch


def same(batch_read, expected: tuple[np.ndarray, list[int]]) -> bool:
    return np.array_equal(batch_read[0], expected[0]) and batch_read[0].dtype == np.uint8 and batch_read[1].tolist() == expected[1]


def test_the_batch_of_python_2_in_these_tests_is_a_pickle_as_pickle_itself_reads_it():
    images, labels = batch("data_batch_1")
    contents = pickle.loads(python2(images, labels), encoding="bytes")
    np.testing.assert_array_equal(contents[b"data"], images)
    assert (contents[b"labels"], contents[b"batch_label"]) == (labels, b"training batch 1 of 5")


def test_a_batch_of_python_2_is_read():
    assert same(read_batch(python2(*batch("data_batch_1")), "x"), batch("data_batch_1"))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("keys", [bytes, str])
def test_a_batch_of_python_3_is_read(protocol, keys):
    images, labels = batch("data_batch_1")
    words = {b"data": images, b"labels": labels, b"filenames": [b"a.png"]}
    contents = pickle.dumps({keys(key) if keys is bytes else key.decode(): value for key, value in words.items()}, protocol)
    assert same(read_batch(contents, "x"), (images, labels))


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"], ids=["NumPy 1", "NumPy 2"])
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_batch_is_read_whichever_numpy_wrote_it(module, protocol):
    contents = re.sub(rb"numpy\._?core\.multiarray", module, python3(*batch("test_batch"), protocol))
    assert contents.count(module) == 1
    assert same(read_batch(contents, "x"), batch("test_batch"))


@pytest.mark.parametrize("module", [b"numpy.core.numeric", b"numpy._core.numeric"], ids=["NumPy 1", "NumPy 2"])
def test_a_batch_of_protocol_5_is_read_whichever_numpy_wrote_it(module):
    contents = python3(*batch("test_batch"), 5)
    contents = re.sub(rb"\x8c.numpy\._?core\.numeric", b"\x8c" + bytes([len(module)]) + module, contents)
    assert contents.count(module) == 1
    assert same(read_batch(contents, "x"), batch("test_batch"))


def test_a_red_a_green_and_a_blue_pixel_are_where_a_picture_has_them():
    picture = np.zeros((32, 32, 3), dtype=np.uint8)  # rows, columns, channels, as a picture is seen
    picture[0, 1, 0], picture[2, 3, 1], picture[31, 31, 2] = 200, 100, 50
    images, _ = read_batch(python3(picture.transpose(2, 0, 1).reshape(1, 3072), [7]), "x")
    assert {int(at): int(images[0, at]) for at in np.flatnonzero(images)} == {1: 200, 1024 + 2 * 32 + 3: 100, 3071: 50}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (pickle.dumps([1, 2], 2), "x is not a batch of CIFAR-10: it lacks data and labels"),
        (pickle.dumps({b"data": IMAGES}, 2), "x is not a batch of CIFAR-10: it lacks labels"),
        (python3(IMAGES[:, :3000], LABELS), "`data` in x has 3,000 bytes per image; CIFAR-10 has 3,072"),
        (python3(IMAGES, LABELS[:2]), "`labels` in x must be a list of 3, one for each image; it is a list of 2"),
        (python3(IMAGES, [*LABELS, 1]), "`labels` in x must be a list of 3, one for each image; it is a list of 4"),
        (python3(IMAGES, {}), "`labels` in x must be a list of 3, one for each image; it is not a list"),
        (python3(IMAGES, np.array(LABELS, dtype=np.uint8)), "`labels` in x must be a list of 3, .* it is not a list"),
        (python3(IMAGES, [1, 2, 10]), "`labels` in x must be integers from 0 to 9, got 10"),
        (python3(IMAGES, [1, -1, 2]), "`labels` in x must be integers from 0 to 9, got -1"),
        (python3(IMAGES, [1, True, 2]), "`labels` in x must be integers from 0 to 9, got something that is not an integer"),
        (python3(IMAGES, [1, [[]], 2]), "`labels` in x must be integers from 0 to 9, got something that is not an integer"),
        (python3(IMAGES, [1, 256**200, 2]), "`labels` in x must be integers from 0 to 9, got 44462416477094044620\\.\\.\\."),
        (python3(IMAGES.astype(np.int8), LABELS), "`data` in x cannot be read: it is an array of something other than unsigned bytes"),
        (python3(IMAGES.astype(object), LABELS), "`data` in x cannot be read: it is an array of something other than unsigned bytes"),
        (python3(IMAGES.ravel(), LABELS), "`data` in x cannot be read: it is not a matrix with at least one entry"),
        (python3(IMAGES[:0], [], 3), "`data` in x cannot be read: it is not a matrix with at least one entry"),
        (
            python3(np.asfortranarray(IMAGES), LABELS),
            "`data` in x cannot be read: its entries lie column by column; only row by row is read",
        ),
        (python3(np.asfortranarray(IMAGES), LABELS, 5), "`data` in x cannot be read: its entries lie column by column"),
        (python3([1, 2], LABELS), "`data` in x cannot be read: it is not an array of NumPy"),
        (python3(IMAGES, LABELS) + b"N.", "x is not a pickle that is read here, .*: it goes on after its end, for 2 bytes"),
        (b"", "x is not a pickle that is read here, and nothing of it was run: it ends before its last instruction"),
        (b"\x80\x02N\xff.", r"x is not a pickle .*: it has the instruction '.xff', which there is not"),
    ],
)
def test_a_pickle_that_is_no_such_batch_is_refused(contents, message):
    with pytest.raises(InputError, match=message):
        read_batch(contents, "x")


def test_a_batch_cut_at_any_byte_is_refused():
    contents = python2(IMAGES[:1], LABELS[:1])
    for length in range(len(contents)):
        with pytest.raises(InputError, match="x is (not a pickle that is read here|a damaged pickle), and nothing of it was run: "):
            read_batch(contents[:length], "x")


@pytest.mark.parametrize("write", [python2, python3])
@given(cuts=st.lists(st.tuples(st.integers(0, 3600), st.binary(max_size=4), st.integers(0, 4)), max_size=4))
@settings(database=None, derandomize=True, deadline=None, max_examples=300)
def test_any_bytes_give_a_batch_or_an_input_error(write, cuts):
    contents = write(IMAGES[:1], LABELS[:1])
    for at, fresh, gone in cuts:
        contents = contents[:at] + fresh + contents[at + gone :]
    try:
        images, labels = read_batch(contents, "x")
    except InputError:
        return
    assert images.shape == (len(labels), 3072)
    assert labels.max() <= 9


class Evil:
    """Touches a file when it is unpickled by `pickle`."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


class EvilEval(Evil):
    def __reduce__(self):
        return eval, (f"open({str(self.marker)!r}, 'w').close()",)


class EvilScalar(Evil):
    def __reduce__(self):
        return np.float64(1.0).__reduce__()[0], (np.dtype("O"), pickle.dumps(Evil(self.marker)))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("kind", "name"),
    [(Evil, r"(posix|nt)\.system"), (EvilEval, r"(builtins|__builtin__)\.eval"), (EvilScalar, r"numpy\._?core\.multiarray\.scalar")],
)
@pytest.mark.parametrize("key", [b"data", b"labels", b"filenames", b"more"])
def test_a_pickle_that_runs_something_is_refused_by_file_member_and_name_and_does_not_run(tmp_path, kind, name, protocol, key):
    marker = tmp_path / "it_ran"
    if kind is not EvilScalar:  # new NumPys refuse that themselves
        pickle.loads(pickle.dumps({b"data": kind(marker)}, protocol))
        assert marker.exists()  # what is refused below would have run
        marker.unlink()
    contents = python3(IMAGES, LABELS, protocol, {key: kind(marker)})
    message = rf"it asks for the global {name}; admitted are _codecs\.encode, numpy\.dtype, numpy\.ndarray, "
    if protocol < 2:  # written as text, or making objects in ways that nobody needs
        message = f"({message}|it has the instruction [A-Z]+, which data like these do not need)"
    subject = rf"{re.escape(str(tmp_path / ARCHIVE))}, member {FOLDER}/data_batch_3 is not a pickle that is read here, and nothing of it was run: "
    with pytest.raises(InputError, match=subject + message):
        load(tmp_path, archive(whole() | {"data_batch_3": contents}))
    assert not marker.exists()
