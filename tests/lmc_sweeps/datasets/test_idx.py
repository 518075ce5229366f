"""IDX files: round trips, every kind of damage, contents that are not the official ones, and settings."""

import gzip
import hashlib
import os
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.datasets.idx import FILES, MOST_BYTES, FashionMnist, IdxDataset, Kmnist, Mnist, read_idx


def encode(array: np.ndarray) -> bytes:
    """Return the bytes of an IDX file, from the format's definition: 0, 0, type 8, axes, big-endian sizes, contents."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
HEADER = encode(IMAGES)[:16]


def arrays() -> list[np.ndarray]:
    """Return the contents of the four files of a set of 12 + 7 images of 2 by 3 pixels."""
    rng = np.random.default_rng(0)
    shapes = ((12, 2, 3), (12,), (7, 2, 3), (7,))
    return [rng.integers(0, 256 if len(shape) == 3 else 10, shape, dtype=np.uint8) for shape in shapes]


class Tiny(IdxDataset):
    """A dataset whose official contents are `arrays()`."""

    name = "tiny"
    mirrors = ()
    md5 = tuple(hashlib.md5(gzip.compress(encode(array), mtime=0)).hexdigest() for array in arrays())
    sha256 = tuple(hashlib.sha256(encode(array)).hexdigest() for array in arrays())


class TinyByArchive(Tiny):
    """The same where only the checksums of the gzip archives are known."""

    sha256 = None


def write(folder: Path, contents: list[np.ndarray], zipped: bool = False, level: int = 9) -> str:
    for name, array in zip(FILES, contents, strict=True):
        raw = encode(array)
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(gzip.compress(raw, level, mtime=0) if zipped else raw)
    return str(folder)


def read(folder: Path, contents: bytes) -> np.ndarray:
    (folder / "file").write_bytes(contents)
    return read_idx(folder / "file")


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


@pytest.mark.parametrize("dataset", [Tiny, TinyByArchive])
def test_pixels_are_divided_by_255_and_flattened_row_by_row(tmp_path, dataset):
    data = dataset(root=write(tmp_path, arrays(), zipped=True)).load()
    for part, images, labels in ((data.train, *arrays()[:2]), (data.test, *arrays()[2:])):
        # float32 division of integers is correctly rounded, so equality holds
        np.testing.assert_array_equal(part.inputs.numpy(), images.reshape(len(images), 6).astype(np.float32) / np.float32(255))
        np.testing.assert_array_equal(part.labels.numpy(), labels.astype(np.int64))
    assert (data.n_classes, data.n_inputs) == (10, 6)


@pytest.mark.parametrize(("largest", "n_classes"), [(3, 10), (25, 26)])
def test_there_are_ten_classes_or_as_many_as_the_labels_of_both_files_ask_for(tmp_path, largest, n_classes):
    contents = arrays()
    contents[1][:], contents[3][:] = 0, largest
    assert Tiny(root=write(tmp_path, contents)).load().n_classes == n_classes


def test_the_first_examples_are_kept_where_a_size_is_asked_for(tmp_path, caplog):
    root = write(tmp_path, arrays())
    whole, part = Tiny(root=root).load(), Tiny(root=root, train_size=5, test_size=2).load()
    assert torch.equal(part.train.inputs, whole.train.inputs[:5])
    assert torch.equal(part.test.labels, whole.test.labels[:2])
    assert (part.note, caplog.records) == ("", [])  # the contents are official all the same


def test_normalised_images_have_mean_0_and_standard_deviation_1(tmp_path):
    pixels = Tiny(root=write(tmp_path, arrays()), normalise=True).load().train.inputs.double()
    np.testing.assert_allclose([float(pixels.mean()), float(pixels.std(correction=0))], [0.0, 1.0], atol=1e-6)  # rounded to float32


@pytest.mark.parametrize(("zipped", "level"), [(False, 0), (True, 1), (True, 9)])
def test_official_contents_are_known_raw_and_compressed_anew_alike(tmp_path, caplog, zipped, level):
    data = Tiny(root=write(tmp_path, arrays(), zipped, level)).load()
    assert (data.note, caplog.records) == ("", [])


@pytest.mark.parametrize("k", range(4))
@pytest.mark.parametrize("dataset", [Tiny, TinyByArchive])
def test_other_contents_are_allowed_with_one_warning_and_a_fingerprint_of_their_own(tmp_path, caplog, dataset, k):
    official = dataset(root=write(tmp_path, arrays(), zipped=True)).load()
    contents = arrays()
    contents[k].flat[0] ^= 1
    data = dataset(root=write(tmp_path, contents, zipped=True)).load()
    note = f"the contents of {tmp_path} are not known to be the official tiny; they have a fingerprint of their own"
    assert data.note == note
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("WARNING", f"dataset.root: {note}.")]
    assert fingerprint(data) != fingerprint(official)


def test_the_official_archives_are_known_by_their_md5_where_no_sha256_of_contents_is(tmp_path, caplog):
    assert TinyByArchive(root=write(tmp_path, arrays(), zipped=True)).load().note == ""
    assert caplog.records == []


@pytest.mark.parametrize(
    ("k", "contents", "message"),
    [
        (1, np.zeros(11), r"train-images-idx3-ubyte and its labels do not fit together: shapes \(12, 2, 3\) and \(11,\)"),
        (3, np.zeros(8), r"t10k-images-idx3-ubyte and its labels do not fit together: shapes \(7, 2, 3\) and \(8,\)"),
        (0, np.zeros(12), r"train-images-idx3-ubyte and its labels do not fit together: shapes \(12,\) and \(12,\)"),
        (1, np.zeros((12, 2, 3)), r"train-images-idx3-ubyte and its labels do not fit together: shapes \(12, 2, 3\) and \(12, 2, 3\)"),
        (2, np.zeros((7, 3, 3)), r"train-images-idx3-ubyte and .*t10k-images-idx3-ubyte hold images of different sizes"),
    ],
    ids=["fewer labels", "more labels", "labels in place of images", "images in place of labels", "sizes differ"],
)
def test_files_that_do_not_fit_together_are_refused(tmp_path, k, contents, message):
    files = arrays()
    files[k] = contents
    with pytest.raises(InputError, match=message):
        Tiny(root=write(tmp_path, files)).load()


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named_with_all_four(tmp_path, missing):
    root = write(tmp_path, arrays())
    (tmp_path / missing).unlink()
    with pytest.raises(
        InputError, match=rf"`dataset\.root` '{root}' lacks {missing} \(or {missing}\.gz\); all four of {', '.join(FILES)} are"
    ):
        Tiny(root=root).load()


class TinyInFolders(Tiny):
    torchvision = "TinyImages"


def named(file: str, pattern: str) -> str:
    """Return where a file lies as a pattern says: with a dot in its name, in a folder, compressed."""
    return pattern.format(plain=file, dotted=file.replace("-idx", ".idx"))


@pytest.mark.parametrize(
    "pattern", ["{plain}", "{plain}.gz", "{dotted}", "{dotted}.gz", "{plain}/{plain}", "{dotted}/{plain}", "{plain}.gz/{plain}.gz"]
)
@pytest.mark.parametrize("folder", ["TinyImages/raw", "TinyImages", "tiny", "raw", "."])
def test_files_are_found_where_other_programs_put_them(tmp_path, pattern, folder):
    for file, array in zip(FILES, arrays(), strict=True):
        path = tmp_path / folder / named(file, pattern)
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = encode(array)
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    data = TinyInFolders(root=str(tmp_path)).load()
    (tmp_path / "as published").mkdir()
    assert (data.note, fingerprint(data)) == ("", fingerprint(Tiny(root=write(tmp_path / "as published", arrays())).load()))


def test_the_folder_that_is_called_like_the_dataset_is_looked_into_first(tmp_path):
    others = [255 - array if array.ndim == 3 else array for array in arrays()]
    for folder, contents in ((tmp_path, others), (tmp_path / "TinyImages" / "raw", arrays())):
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, contents)
    assert TinyInFolders(root=str(tmp_path)).load().note == ""  # another dataset of this family lies in the folder itself
    assert [dataset.torchvision for dataset in (Mnist, FashionMnist, Kmnist)] == ["MNIST", "FashionMNIST", "KMNIST"]


def test_four_files_of_two_folders_are_no_dataset_and_it_is_said_where_they_were_looked_for(tmp_path):
    raw = tmp_path / "TinyImages" / "raw"
    raw.mkdir(parents=True)
    write(raw, arrays())
    (raw / FILES[3]).rename(tmp_path / FILES[3])
    with pytest.raises(
        InputError,
        match=rf"lacks {FILES[3]} .*are needed in one folder, which may also be written train-images\.idx3-ubyte\. Of the folders looked into, {raw} has some of them\.",
    ):
        TinyInFolders(root=str(tmp_path)).load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=rf"None is in .*{tmp_path}/empty/TinyImages/raw, .*, {tmp_path}/empty/raw, {tmp_path}/empty\."):
        TinyInFolders(root=str(tmp_path / "empty")).load()


def test_archives_are_taken_before_raw_files_where_only_they_can_be_proved(tmp_path):
    write(tmp_path, arrays(), zipped=True)
    assert TinyByArchive(root=write(tmp_path, arrays())).load().note == ""


def test_a_root_may_begin_with_a_tilde_and_must_be_a_folder_that_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, arrays())
    assert Tiny(root="~").load().note == ""
    for root, message in {
        "": "must be a folder that holds train-images-idx3-ubyte and its kind, got '', which is no folder",
        "a\0b": r"got 'a\\x00b', which is no folder",
        "x" * 5000: "which is no folder",
        f"~/{FILES[0]}": "which is a file: name the folder that it lies in",
        "~nobody_of_this_name": "must be a path whose home folder can be told, got '~nobody_of_this_name'",
    }.items():
        with pytest.raises(InputError, match=message):
            Tiny(root=root).load()


def test_pipes_and_devices_in_place_of_files_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "link"):
        with pytest.raises(InputError, match="cannot be read: .*it is a pipe or a device, not a regular file"):
            read_idx(tmp_path / name)
    write(tmp_path, arrays())
    (tmp_path / FILES[1]).unlink()
    (tmp_path / FILES[1]).symlink_to(tmp_path / "pipe")
    with pytest.raises(InputError, match=f"lacks {FILES[1]}"):
        Tiny(root=str(tmp_path)).load()


@pytest.mark.parametrize(("name", "reason"), [("nowhere", "which is no folder"), ("a file", "which is a file")])
def test_a_root_that_is_no_folder_is_refused(tmp_path, name, reason):
    (tmp_path / "a file").write_bytes(b"")
    root = str(tmp_path / name)
    with pytest.raises(InputError, match=f"must be a folder that holds {FILES[0]} and its kind, got '{root}', {reason}"):
        Tiny(root=root).load()


def test_a_file_that_is_not_there_or_is_a_folder_is_an_input_error(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InputError, match=re.escape(f"{path} cannot be read: [Errno")):
            read_idx(path)


@pytest.mark.parametrize("dataset", [Mnist, FashionMnist, Kmnist])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_size": 0}, r"`dataset\.train_size` must be a positive integer, got 0\."),
        ({"test_size": 2.5}, r"`dataset\.test_size` must be a positive integer, got 2\.5\."),
        ({"normalise": 1}, r"`dataset\.normalise` must be true or false, got 1\."),
        ({"root": 5}, r"`dataset\.root` must be a folder or null, got 5\."),
    ],
)
def test_settings_that_make_no_sense_are_refused(dataset, changes, message):
    with pytest.raises(InputError, match=message):
        dataset(**changes)


@pytest.mark.parametrize(("key", "most", "file"), [("train_size", 12, FILES[0]), ("test_size", 7, FILES[2])])
def test_a_size_above_what_the_files_hold_is_refused(tmp_path, key, most, file):
    with pytest.raises(InputError, match=rf"`dataset\.{key}` must be at most {most}, the examples in {file}, got {most + 1}\."):
        Tiny(root=write(tmp_path, arrays()), **{key: most + 1}).load()
