"""`permutations.npz`: maps of all kinds, added to, damaged, of earlier versions, and full of claims that nothing is allocated for."""

import tracemalloc
import zipfile

import numpy as np
import pytest
from small_records import record

from lmc_sweeps.jobs import permutation_files
from lmc_sweeps.jobs.permutation_files import permutations_are_damaged, read_maps, read_permutations, write_permutations
from lmc_sweeps.symmetry.maps import Coupling, Orthogonal, Permutation


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


KEY = "a.b.otfusion.w0"
rng = np.random.default_rng(0)
PLAN = rng.dirichlet(np.ones(15)).reshape(3, 5)
ROTATION = np.linalg.qr(rng.standard_normal((4, 4)))[0]
# All that could be taken for the kind of a map, or for the end of a name, or that a file name cannot hold.
GROUPS = (
    "hidden_1", "coupling", "orthogonal", "coupling/x", ".coupling/x", "x.coupling", "x#coupling", "", "/", "x.npy", "a.b.otfusion.w0/x",
    "a.b.otfusion.w0.coupling/x", "../x", "C:\\x", "x y", "é", "\n", "*",
)  # fmt: skip


def test_maps_of_all_kinds_come_back_to_the_bit(tmp_path):
    order, single = rng.permutation(5), np.asfortranarray(ROTATION.astype(np.float32))
    maps = {"order": order, "map": Permutation(order), "plan": Coupling(PLAN), "turned": Coupling(PLAN.T), "float32": Orthogonal(single)}
    write_permutations(tmp_path, {KEY: maps})
    stored = {key.removeprefix(f"{KEY}/"): value for key, value in read_maps(tmp_path, {}).items()}
    assert [type(value) for value in stored.values()] == [np.ndarray, np.ndarray, Coupling, Coupling, Orthogonal]
    arrays = [stored["order"], stored["map"], stored["plan"].plan, stored["turned"].plan, stored["float32"].matrix]
    for array, expected in zip(arrays, (order, order, PLAN, PLAN.T, single.astype(np.float64)), strict=True):
        assert (array.dtype, array.shape, array.tobytes()) == (expected.dtype, expected.shape, np.ascontiguousarray(expected).tobytes())
    assert sorted(read_permutations(tmp_path, {})) == [f"{KEY}/map", f"{KEY}/order"]


def test_a_file_of_permutations_alone_has_the_bytes_that_it_always_had(tmp_path):
    order = rng.permutation(50)
    write_permutations(tmp_path / "maps", {KEY: {"hidden_1": Permutation(order), "hidden_2": order}})
    np.savez_compressed(tmp_path / "numpy.npz", **{f"{KEY}/hidden_1": order, f"{KEY}/hidden_2": order})
    assert (tmp_path / "maps" / "permutations.npz").read_bytes() == (tmp_path / "numpy.npz").read_bytes()


def test_no_name_of_a_group_makes_one_map_another(tmp_path):
    """Permutations, couplings and orthogonal matrices under every name, in all ways to share the names out."""
    kinds = (lambda: np.arange(4), lambda: Coupling(PLAN), lambda: Orthogonal(ROTATION))
    for shift in range(3):
        maps = {group: kinds[(k + shift) % 3]() for k, group in enumerate(GROUPS)}
        write_permutations(tmp_path, {KEY: maps})
        stored = read_maps(tmp_path, {})
        assert {key: type(value) for key, value in stored.items()} == {f"{KEY}/{group}": type(value) for group, value in maps.items()}


def test_a_map_takes_the_place_of_that_of_another_kind_and_the_others_stay(tmp_path):
    write_permutations(tmp_path, {KEY: {"1": np.arange(3), "2": Coupling(PLAN), "3": Orthogonal(ROTATION)}})
    write_permutations(tmp_path, {KEY: {"1": Coupling(PLAN), "2": np.arange(3)}}, read_maps(tmp_path, {}))
    assert {key[-1]: type(value) for key, value in read_maps(tmp_path, {}).items()} == {"1": Coupling, "2": np.ndarray, "3": Orthogonal}


def test_a_flipped_bit_of_a_matrix_is_noticed_and_a_shorter_file_has_no_maps(tmp_path):
    digest = write_permutations(tmp_path, {KEY: {"hidden_1": Coupling(PLAN)}, "a.b.procrustes.w0": {"hidden_1": Orthogonal(ROTATION)}})
    path = tmp_path / "permutations.npz"
    whole, sealing = path.read_bytes(), record(files={"permutations.npz": digest})
    for bit in range(0, 8 * len(whole), 11):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        assert permutations_are_damaged(tmp_path, sealing)
        assert read_maps(tmp_path, sealing) == {}
        for value in read_maps(tmp_path, {}).values():
            if isinstance(value, Coupling):
                np.testing.assert_array_equal(value.plan, PLAN)
            else:
                np.testing.assert_array_equal(value.matrix, ROTATION)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert read_maps(tmp_path, {}) == {}


def matrix(values: np.ndarray, shape: str | None = None, kind: str = "<f8", order: str = "False") -> bytes:
    """Return a matrix as NumPy writes it, with a header that says what it likes."""
    head = npy(shape or str(values.shape), kind, order)[: -4 * 8]
    return head + np.ascontiguousarray(values).tobytes()


NOT_AS_MANY, NO_PLAN, NO_ROTATION = "is not a matrix of as many numbers as it says", "a coupling must be", "an orthogonal map must be"
SPIKE = np.array([[1.5, -0.5], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("kind", "contents", "message"),
    [
        ("coupling", matrix(PLAN, "(5, 4)"), NOT_AS_MANY),
        ("coupling", matrix(PLAN, "(15,)"), NOT_AS_MANY),
        ("coupling", matrix(PLAN, "(3, 5, 1)"), NOT_AS_MANY),
        ("coupling", matrix(PLAN, "(2147483648, 2147483648)"), NOT_AS_MANY),
        ("coupling", matrix(PLAN[:0], "(0, 2147483648)"), NOT_AS_MANY),
        ("coupling", matrix(PLAN[:0], "(2147483648, 0)"), NOT_AS_MANY),
        ("coupling", matrix(PLAN, "(-3, -5)"), NOT_AS_MANY),
        ("coupling", matrix(PLAN, kind="<i8"), NOT_AS_MANY),
        ("coupling", matrix(PLAN, kind="|O"), NOT_AS_MANY),
        ("coupling", matrix(PLAN, order="True"), NOT_AS_MANY),
        ("coupling", npy("(4,)"), NOT_AS_MANY),
        ("coupling", matrix(PLAN)[:-1], NOT_AS_MANY),
        ("coupling", matrix(PLAN) + bytes(8), NOT_AS_MANY),
        ("coupling", matrix(np.where(PLAN == PLAN[1, 1], np.nan, PLAN)), NO_PLAN),
        ("coupling", matrix(np.where(PLAN == PLAN[1, 1], np.inf, PLAN)), NO_PLAN),
        ("coupling", matrix(np.full((3, 5), 1.7e308)), NO_PLAN),
        ("coupling", matrix(PLAN * 1.001), NO_PLAN),
        ("coupling", matrix(SPIKE), NO_PLAN),
        ("coupling", matrix(np.eye(3)[:, :2] / 2), NO_PLAN),
        ("orthogonal", matrix(PLAN), NO_ROTATION),
        ("orthogonal", matrix(ROTATION + 1e-3), NO_ROTATION),
        ("orthogonal", matrix(ROTATION * np.nan), NO_ROTATION),
        ("orthogonal", matrix(np.full((4, 4), 1.7e308)), NO_ROTATION),
        ("stochastic", matrix(ROTATION), "is not what write_permutations writes"),
    ],
    ids=range(24),
)
def test_matrices_that_are_no_maps_or_claim_what_is_not_there_are_refused(tmp_path, caplog, kind, contents, message):
    npz(tmp_path, contents, f"{KEY}.{kind}/hidden_1.npy")
    del contents
    tracemalloc.start()
    try:
        assert read_maps(tmp_path, {}) == {}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**21
    assert message in caplog.text
    assert "the permutations in it are lost; the same command measures them again" in caplog.text


def test_the_matrices_in_these_tests_are_those_of_numpy(tmp_path):
    np.save(tmp_path / "array.npy", PLAN)
    assert (tmp_path / "array.npy").read_bytes() == matrix(PLAN)


def test_matrices_and_permutations_have_bounds_of_their_own(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(permutation_files, "MOST_MATRIX_BYTES", 400)
    write_permutations(tmp_path, {KEY: {"1": np.arange(1000), "2": Coupling(PLAN)}})
    assert sorted(read_maps(tmp_path, {})) == [f"{KEY}/1", f"{KEY}/2"]
    write_permutations(tmp_path, {KEY: {"1": np.arange(1000), "2": Coupling(PLAN), "3": Coupling(PLAN)}})
    assert read_maps(tmp_path, {}) == {}
    assert "it claims more than it can hold, or than 400 bytes" in caplog.text


def test_two_maps_of_one_group_are_refused(tmp_path, caplog):
    with zipfile.ZipFile(tmp_path / "permutations.npz", "w") as stored:
        stored.writestr(f"{KEY}/hidden_1.npy", npy("(4,)"))
        stored.writestr(f"{KEY}.coupling/hidden_1.npy", matrix(PLAN))
    assert read_maps(tmp_path, {}) == {}
    assert "it holds two maps of one group" in caplog.text
