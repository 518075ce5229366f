"""`permutations.npz`: added to, damaged, of earlier versions, and full of claims that nothing is allocated for."""

import tracemalloc
import zipfile

import numpy as np
import pytest
from small_records import record

from lmc_sweeps.jobs.permutation_files import permutations_are_damaged, read_permutations, write_permutations


def test_permutations_are_added_to_those_already_there(tmp_path):
    first, second, third = np.array([1, 0, 2]), np.array([2, 1, 0]), np.array([0, 1])
    write_permutations(tmp_path, {"a.b.weights.w0": {"hidden_1": first}, "a.b.identity.i1": {"hidden_1": third}})
    write_permutations(tmp_path, {"a.b.weights.w0": {"hidden_1": second, "hidden_2": third}}, read_permutations(tmp_path, {}))
    permutations = read_permutations(tmp_path, {})
    assert sorted(permutations) == ["a.b.identity.i1/hidden_1", "a.b.weights.w0/hidden_1", "a.b.weights.w0/hidden_2"]
    np.testing.assert_array_equal(permutations["a.b.weights.w0/hidden_1"], second)
    np.testing.assert_array_equal(permutations["a.b.weights.w0/hidden_2"], third)
    np.testing.assert_array_equal(permutations["a.b.identity.i1/hidden_1"], third)


def test_damaged_permutations_count_as_none_and_are_written_anew(tmp_path):
    write_permutations(tmp_path, {"a.b.weights.w0": {"hidden_1": np.arange(50)[::-1]}})
    path = tmp_path / "permutations.npz"
    whole = path.read_bytes()
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        assert read_permutations(tmp_path, {}) == {}
    write_permutations(tmp_path, {"a.b.identity.i1": {"hidden_1": np.arange(3)}})
    assert sorted(read_permutations(tmp_path, {})) == ["a.b.identity.i1/hidden_1"]


def test_a_flipped_bit_of_the_permutations_is_noticed(tmp_path, caplog):
    digest = write_permutations(tmp_path, {"a.b.weights.w0": {"hidden_1": np.arange(50)[::-1]}})
    path = tmp_path / "permutations.npz"
    whole, sealing = path.read_bytes(), record(files={"permutations.npz": digest})
    assert not permutations_are_damaged(tmp_path, sealing)
    for bit in range(0, 8 * len(whole), 3):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        assert permutations_are_damaged(tmp_path, sealing)
        assert read_permutations(tmp_path, sealing) == {}
        for array in read_permutations(tmp_path, {}).values():  # of an earlier version: a zip file's own checksum covers no name
            np.testing.assert_array_equal(array, np.arange(50)[::-1])
    assert "it was changed after it was written: its sha256 is not the one in record.json" in caplog.text


def test_no_permutations_are_none(tmp_path):
    assert read_permutations(tmp_path / "nowhere", {}) == {}


def npz(folder, contents: bytes, name: str = "a.b.weights.w0/hidden_1.npy", compression: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(folder / "permutations.npz", "w", compression) as stored:
        stored.writestr(name, contents)


def npy(shape: str, kind: str = "<i8", order: str = "False") -> bytes:
    """Return an array of four numbers as NumPy writes it, with a header that says what it likes."""
    header = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + np.arange(4, dtype="<i8").tobytes()


def test_the_header_in_these_tests_is_that_of_numpy(tmp_path):
    np.save(tmp_path / "array.npy", np.arange(4, dtype="<i8"))
    assert (tmp_path / "array.npy").read_bytes() == npy("(4,)")
    npz(tmp_path, npy("(4,)"))
    np.testing.assert_array_equal(read_permutations(tmp_path, {})["a.b.weights.w0/hidden_1"], np.arange(4))


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (npy("(2147483648,)"), "is not a row of as many integers as it says"),
        (npy("(9223372036854775808,)"), "is not a row of as many integers as it says"),
        (npy("(-1,)"), "is not a row of as many integers as it says"),
        (npy("(2, 2)"), "is not a row of as many integers as it says"),
        (npy("(" * 50), "is not a row of as many integers as it says"),
        (npy("(4,)", "|O"), "is not a row of as many integers as it says"),
        (npy("(4,)", "<f8"), "is not a row of as many integers as it says"),
        (npy("(4,)", order="True"), "is not a row of as many integers as it says"),
        (npy("(__import__('os').getpid(),)"), "is not a row of as many integers as it says"),
        (bytes(2**28 + 1), r"it claims more than it can hold, or than 268,435,456 bytes"),
    ],
    ids=range(10),
)
def test_permutations_that_claim_what_is_not_there_are_refused_before_memory_is_taken(tmp_path, caplog, contents, message):
    npz(tmp_path, contents)
    del contents
    tracemalloc.start()
    try:
        assert read_permutations(tmp_path, {}) == {}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20
    assert message in caplog.text


@pytest.mark.parametrize(("name", "compression"), [("hidden_1.npy", zipfile.ZIP_DEFLATED), ("a.b.weights.w0/x.npy", zipfile.ZIP_BZIP2)])
def test_an_archive_of_something_else_has_no_permutations(tmp_path, caplog, name, compression):
    npz(tmp_path, npy("(4,)"), name, compression)
    assert read_permutations(tmp_path, {}) == {}
    assert f"{name!r} is not what write_permutations writes" in caplog.text
