"""CIFAR-10: batches as Python 2 and 3 and both NumPys write them, archives and folders, every kind of damage and of malice."""

import gzip
import hashlib
import io
import os
import pickle
import re
import struct
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.datasets.cifar10 import ARCHIVE, BATCHES, BINARY, FOLDER, MOST_BYTES, TRAIN, Cifar10, read_archive, read_batch

N = 3  # images of a batch in these tests


def batch(name: str) -> tuple[np.ndarray, list[int]]:
    rng = np.random.default_rng(BATCHES.index(name))
    return rng.integers(0, 256, (N, 3072), dtype=np.uint8), rng.integers(0, 10, N).tolist()


def python2(images: np.ndarray, labels: list[int]) -> bytes:
    """Return a batch as Python 2 wrote the official ones: protocol 2, words as byte strings, NumPy's names of that time."""
    raw = images.tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87R(K\x01M" + struct.pack("<H", len(images))
    array += b"M\x00\x0c\x86cnumpy\ndtype\nq\x03U\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array += b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    items = b"U\x0bbatch_labelU\x15training batch 1 of 5U\x06labels]q\x04(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}q\x00(" + items + b"U\x04data" + array + b"U\tfilenames](U\x05a.pngU\x05b.pngeu."


def python3(images: np.ndarray, labels: list[int], protocol: int = 2, more: dict[bytes, object] | None = None) -> bytes:
    words = {b"batch_label": b"training batch", b"labels": labels, b"data": images, b"filenames": [b"a.png", b"b.png"]}
    return pickle.dumps(words | (more or {}), protocol)


def archive(members: dict[str, bytes], *extra: tuple[tarfile.TarInfo, bytes], first: bool = False) -> bytes:
    """Return a compressed tar archive with members in the official folder, and others beside them, or before them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo(FOLDER)
        folder.type = tarfile.DIRTYPE
        parts = [(folder, b"")]
        for name, contents in members.items():
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(contents)
            parts.append((info, contents))
        for info, contents in [*extra, *parts] if first else [*parts, *extra]:
            tar.addfile(info, io.BytesIO(contents))
    return gzip.compress(buffer.getvalue(), 1, mtime=0)


def member(name: str, kind: bytes = tarfile.REGTYPE, contents: bytes = b"", **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(contents)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, contents


def whole() -> dict[str, bytes]:
    return {name: python2(*batch(name)) for name in ("data_batch_4", *(other for other in BATCHES if other != "data_batch_4"))}


def load(folder: Path, contents: bytes, **changes: object):
    (folder / ARCHIVE).write_bytes(contents)
    return Tiny(root=str(folder), **changes).load()


class Tiny(Cifar10):
    """A dataset whose official contents are those of `whole()`."""

    name = "tiny"
    md5_of_batches = {name: hashlib.md5(contents).hexdigest() for name, contents in whole().items()}


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


def test_pixels_are_divided_by_255_channel_after_channel_row_by_row(tmp_path):
    data = load(tmp_path, archive(whole()))
    images = np.concatenate([batch(name)[0] for name in TRAIN])
    np.testing.assert_array_equal(data.train.inputs.numpy(), images.astype(np.float32) / np.float32(255))
    assert data.train.labels.tolist() == [label for name in TRAIN for label in batch(name)[1]]
    np.testing.assert_array_equal(data.test.inputs.numpy(), batch("test_batch")[0].astype(np.float32) / np.float32(255))
    assert data.test.labels.tolist() == batch("test_batch")[1]
    assert (data.n_classes, data.n_inputs, len(data.train), len(data.test)) == (10, 3072, 15, 3)


def test_a_red_a_green_and_a_blue_pixel_are_where_a_picture_has_them():
    picture = np.zeros((32, 32, 3), dtype=np.uint8)  # rows, columns, channels, as a picture is seen
    picture[0, 1, 0], picture[2, 3, 1], picture[31, 31, 2] = 200, 100, 50
    images, _ = read_batch(python3(picture.transpose(2, 0, 1).reshape(1, 3072), [7]), "x")
    assert {int(at): int(images[0, at]) for at in np.flatnonzero(images)} == {1: 200, 1024 + 2 * 32 + 3: 100, 3071: 50}


@pytest.mark.parametrize("kind", ["archive", "folder", "folder itself"])
def test_archive_and_folder_are_read_alike_and_the_official_contents_are_known(tmp_path, caplog, kind):
    if kind == "archive":
        data = load(tmp_path, archive(whole(), member(f"{FOLDER}/batches.meta", contents=b"anything"), member(f"{FOLDER}/readme.html")))
    else:
        (tmp_path / FOLDER).mkdir()
        for name, contents in whole().items():
            (tmp_path / FOLDER / name).write_bytes(contents)
        data = Tiny(root=str(tmp_path / FOLDER if kind == "folder itself" else tmp_path)).load()
    np.testing.assert_array_equal(data.test.inputs.numpy() * 255, batch("test_batch")[0])
    assert (data.note, caplog.records) == ("", [])


def test_other_contents_are_allowed_with_one_warning_that_says_how_many_there_are(tmp_path, caplog):
    (tmp_path / "a").mkdir()
    official = load(tmp_path / "a", archive(whole()))
    other = whole() | {"data_batch_2": python3(batch("data_batch_2")[0][:2], batch("data_batch_2")[1][:2])}
    data = load(tmp_path, archive(other))
    note = f"the contents of {tmp_path} are not known to be the official tiny; they have a fingerprint of their own"
    note += "; 14 training and 3 test images, where the official ones are 50,000 and 10,000"
    assert data.note == note
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("WARNING", f"dataset.root: {note}.")]
    assert (len(data.train), fingerprint(data) != fingerprint(official)) == (14, True)


def test_the_first_examples_are_kept_and_normalised_by_all_pixels_of_all_colours(tmp_path):
    data = load(tmp_path, archive(whole()), train_size=4, test_size=2, normalise=True)
    pixels = np.concatenate([batch(name)[0] for name in TRAIN])[:4] / 255
    expected = (batch("test_batch")[0][:2] / 255 - pixels.mean()) / pixels.std()
    np.testing.assert_allclose(data.test.inputs.numpy(), expected, atol=1e-5)
    assert abs(float(data.train.inputs.double().mean())) < 1e-6
    assert torch.equal(data.train.labels, torch.tensor(([label for name in TRAIN for label in batch(name)[1]])[:4]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_size": 0}, r"`dataset\.train_size` must be a positive integer, got 0\."),
        ({"test_size": 2.5}, r"`dataset\.test_size` must be a positive integer, got 2\.5\."),
        ({"normalise": 1}, r"`dataset\.normalise` must be true or false, got 1\."),
        ({"root": 5}, r"`dataset\.root` must be a folder or null, got 5\."),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Cifar10(**changes)


@pytest.mark.parametrize(("key", "most", "file"), [("train_size", 15, ", ".join(TRAIN)), ("test_size", 3, "test_batch")])
def test_a_size_above_what_the_files_hold_is_refused(tmp_path, key, most, file):
    with pytest.raises(InputError, match=rf"`dataset\.{key}` must be at most {most}, the examples in {file}, got {most + 1}\."):
        load(tmp_path, archive(whole()), **{key: most + 1})


@pytest.mark.parametrize("missing", BATCHES)
def test_a_missing_batch_is_named_with_all_six(tmp_path, missing):
    members = whole()
    del members[missing]
    with pytest.raises(InputError, match=rf"{ARCHIVE} lacks {missing}; all of {', '.join(BATCHES)} are needed\."):
        load(tmp_path, archive(members))


def test_a_root_that_holds_neither_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=rf"`dataset\.root` must be a folder that holds {ARCHIVE} or the folder {FOLDER}, got '{tmp_path}'\."
    ):
        Cifar10(root=str(tmp_path)).load()


@pytest.mark.parametrize("folder", [".", "cifar10", "CIFAR10"])
@pytest.mark.parametrize("kind", [ARCHIVE, "cifar-10-python.tar", FOLDER, "the batches themselves"])
def test_the_archive_and_its_folder_are_found_at_root_and_below(tmp_path, folder, kind):
    base = tmp_path / folder
    base.mkdir(exist_ok=True)
    if kind.startswith("cifar-10-python"):
        contents = archive(whole())
        (base / kind).write_bytes(contents if kind == ARCHIVE else gzip.decompress(contents))
    else:
        batches = base / FOLDER if kind == FOLDER else base
        batches.mkdir(exist_ok=True)
        for name, contents in whole().items():
            (batches / name).write_bytes(contents)
    assert Tiny(root=str(tmp_path)).load().note == ""


def binary(images: np.ndarray, labels: list[int]) -> bytes:
    """Return a batch as the binary version has it: per image one byte for its label, then its pixels."""
    return b"".join(bytes([label]) + image.tobytes() for image, label in zip(images, labels, strict=True))


@pytest.mark.parametrize("inner", [BINARY, "."])
def test_the_binary_version_holds_the_same_data(tmp_path, inner):
    (tmp_path / inner).mkdir(exist_ok=True)
    for name in BATCHES:
        (tmp_path / inner / f"{name}.bin").write_bytes(binary(*batch(name)))
    data = Tiny(root=str(tmp_path)).load()
    (tmp_path / "python").mkdir()
    assert fingerprint(data) == fingerprint(load(tmp_path / "python", archive(whole())))
    assert data.note.startswith(
        f"the contents of {tmp_path} are not known to be the official tiny"
    )  # no checksums of that version are known


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", r"data_batch_3\.bin has 0 bytes, which are no images of 3,073 bytes each"),
        (bytes(3072), r"data_batch_3\.bin has 3,072 bytes, which are no images of 3,073 bytes each"),
        (bytes([10]) + bytes(3072), r"data_batch_3\.bin has the label 10; labels must be from 0 to 9"),
        (None, f"lacks data_batch_3; all of {', '.join(BATCHES)} are needed"),
    ],
)
def test_a_binary_batch_that_is_none_is_refused(tmp_path, contents, message):
    for name in BATCHES:
        (tmp_path / f"{name}.bin").write_bytes(binary(*batch(name)))
    path = tmp_path / "data_batch_3.bin"
    path.unlink()
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(InputError, match=message):
        Tiny(root=str(tmp_path)).load()


def test_pipes_and_devices_in_place_of_batches_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / ARCHIVE)
    with pytest.raises(InputError, match="cannot be read: .*it is a pipe or a device"):
        list(read_archive(tmp_path / ARCHIVE))
    for name, contents in whole().items():
        (tmp_path / name).write_bytes(contents)
    (tmp_path / "test_batch").unlink()
    os.mkfifo(tmp_path / "test_batch")
    with pytest.raises(InputError, match="lacks test_batch"):
        Tiny(root=str(tmp_path)).load()


IMAGES, LABELS = batch("data_batch_1")


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (pickle.dumps([1, 2], 2), "x is no batch of CIFAR-10: it lacks data and labels"),
        (pickle.dumps({b"data": IMAGES}, 2), "x is no batch of CIFAR-10: it lacks labels"),
        (python3(IMAGES[:, :3000], LABELS), "`data` in x has 3,000 bytes per image; CIFAR-10 has 3,072"),
        (python3(IMAGES, LABELS[:2]), "`labels` in x must be a list of 3, one for each image; it is a list of 2"),
        (python3(IMAGES, [*LABELS, 1]), "`labels` in x must be a list of 3, one for each image; it is a list of 4"),
        (python3(IMAGES, {}), "`labels` in x must be a list of 3, one for each image; it is no list"),
        (python3(IMAGES, np.array(LABELS, dtype=np.uint8)), "`labels` in x must be a list of 3, .* it is no list"),
        (python3(IMAGES, [1, 2, 10]), "`labels` in x must be integers from 0 to 9, got 10"),
        (python3(IMAGES, [1, -1, 2]), "`labels` in x must be integers from 0 to 9, got -1"),
        (python3(IMAGES, [1, True, 2]), "`labels` in x must be integers from 0 to 9, got something that is no integer"),
        (python3(IMAGES, [1, [[]], 2]), "`labels` in x must be integers from 0 to 9, got something that is no integer"),
        (python3(IMAGES, [1, 256**200, 2]), "`labels` in x must be integers from 0 to 9, got 44462416477094044620\\.\\.\\."),
        (python3(IMAGES.astype(np.int8), LABELS), "`data` in x cannot be read: it is an array of something other than unsigned bytes"),
        (python3(IMAGES.astype(object), LABELS), "`data` in x cannot be read: it is an array of something other than unsigned bytes"),
        (python3(IMAGES.ravel(), LABELS), "`data` in x cannot be read: it is no matrix with at least one entry"),
        (python3(IMAGES[:0], [], 3), "`data` in x cannot be read: it is no matrix with at least one entry"),
        (
            python3(np.asfortranarray(IMAGES), LABELS),
            "`data` in x cannot be read: its entries lie column by column; only row by row is read",
        ),
        (python3(np.asfortranarray(IMAGES), LABELS, 5), "`data` in x cannot be read: its entries lie column by column"),
        (python3([1, 2], LABELS), "`data` in x cannot be read: it is no array of NumPy"),
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


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (member("../x", contents=b"abc"), r"its member \.\./x is none of cifar-10-batches-py/ and data_batch_1, .*, readme\.html"),
        (member(f"{FOLDER}/../../x"), r"its member cifar-10-batches-py/\.\./\.\./x is none of"),
        (member("/etc/x"), "its member /etc/x is none of"),
        (member(f"/{FOLDER}/test_batch"), "its member /cifar-10-batches-py/test_batch is none of"),
        (member(f"{FOLDER}/other"), "its member cifar-10-batches-py/other is none of"),
        (member(f"{FOLDER}/data_batch_1\n"), r"its member cifar-10-batches-py/data_batch_1\\n is none of"),
        (member(f"{FOLDER}/readme.html", tarfile.SYMTYPE, linkname="/etc/passwd"), "readme.html is of type '2', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.LNKTYPE, linkname=f"{FOLDER}/x"), "readme.html is of type '1', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.CHRTYPE), "readme.html is of type '3', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.BLKTYPE), "readme.html is of type '4', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.FIFOTYPE), "readme.html is of type '6', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.GNUTYPE_SPARSE), "readme.html is of type 'S', not a regular file"),
        (member(f"{FOLDER}/sub", tarfile.DIRTYPE), "its member cifar-10-batches-py/sub is of type '5', not a regular file"),
        (member("x" * 200), "an extended header gives a member another name or size"),
        (member(f"{FOLDER}/readme.html", pax_headers={"path": "../x"}), "an extended header gives a member another name or size"),
        (member(f"{FOLDER}/readme.html", pax_headers={"GNU.sparse.name": "../x"}), "an extended header gives a member another name"),
        (member(f"{FOLDER}/test_batch", contents=b"abc"), "it holds test_batch twice"),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{value[0].type.decode()} {value[0].name[:40]!r}",
)
@pytest.mark.parametrize("first", [True, False], ids=["before the others", "after the others"])
def test_an_archive_with_a_member_that_does_not_belong_is_refused_and_nothing_is_written(tmp_path, extra, message, first):
    if first and "twice" in message:
        extra = member(f"{FOLDER}/test_batch", contents=python2(*batch("test_batch")))  # the pickle must be sound to come that far
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match=f"{re.escape(str(folder / ARCHIVE))} is refused: .*{message}"):
        load(folder, archive(whole(), extra, first=first))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [ARCHIVE]


def test_times_in_fractions_of_seconds_are_no_reason_to_refuse(tmp_path):
    data = load(tmp_path, archive(whole(), member(f"{FOLDER}/readme.html", mtime=1.25)))
    assert data.note == ""


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


def bombs() -> dict[str, tuple[bytes, str]]:
    """Return compressed archives that claim or hold far more than they should, and what is said of them."""
    raw = gzip.decompress(archive(whole()))
    sized = [member(f"{FOLDER}/readme.html", size=size) for size in (10 * 2**30, MOST_BYTES + 1)]
    headers = [info.tobuf(tarfile.GNU_FORMAT) for info, _ in sized]
    long = [member("x", kind, size=2**33)[0].tobuf(tarfile.GNU_FORMAT) for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME)]
    negative = bytearray(headers[0])
    negative[124:136] = b"\xff" * 12
    negative[148:156] = b"%06o\0 " % (256 + sum(negative[:148]) + sum(negative[156:]))
    zeros = member(f"{FOLDER}/data_batch_1", size=MOST_BYTES)[0].tobuf(tarfile.GNU_FORMAT)
    pax = member("x", tarfile.XHDTYPE)[0].tobuf(tarfile.GNU_FORMAT)
    return {
        "10 GiB": (headers[0] + b"abc", r"readme\.html claims 10,737,418,240 bytes; at most 67,108,864 are read"),
        "a byte too many": (headers[1] + b"abc", r"readme\.html claims 67,108,865 bytes; at most 67,108,864 are read"),
        "less than nothing": (bytes(negative), r"readme\.html claims -1 bytes; at most"),
        "a long extended header": (long[0] + b"abc", r"its member x claims 8,589,934,592 bytes; at most 65,536 are read"),
        "a long name": (long[1] + b"abc", "its member x is of type 'L', not a regular file"),
        "claimed and not held": (zeros + b"abc", r"its member cifar-10-batches-py/data_batch_1 is shorter than 67,108,864 bytes"),
        "endless headers": (pax * 100_000, "it has more than 64 members"),
        "zeros at the end": (raw + bytes(100 * 2**20), "something follows the end of the archive"),
        "an archive after the archive": (raw + raw, "something follows the end of the archive"),
    }


@pytest.mark.parametrize("name", bombs())
def test_an_archive_that_claims_or_holds_too_much_is_refused_before_memory_is_taken(tmp_path, name):
    contents, message = bombs()[name]
    path = tmp_path / ARCHIVE
    path.write_bytes(gzip.compress(contents, 6))
    del contents
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            for _ in read_archive(path):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**23 + 1032 * path.stat().st_size * (name == "claimed and not held")


def test_a_batch_of_64_mib_of_zeros_in_a_small_archive_takes_no_more_than_a_few_times_that(tmp_path):
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(gzip.decompress(archive({"data_batch_1": bytes(MOST_BYTES)})), 9))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="data_batch_1 is not a pickle that is read here"):
            Cifar10(root=str(tmp_path)).load()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * MOST_BYTES


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_a_truncated_archive_is_refused(tmp_path, share):
    contents = archive(whole())
    with pytest.raises(InputError, match=r"cannot be read: |is truncated|is damaged|is not a gzip"):
        load(tmp_path, contents[: int(share * len(contents))])


def test_a_truncated_archive_in_a_whole_gzip_file_is_refused(tmp_path):
    raw = gzip.decompress(archive(whole()))
    for length in (100, 512, 1000, 5000, len(raw.rstrip(b"\0")) + 100):
        with pytest.raises(InputError, match="is truncated|header of a member cannot be read|lacks"):
            load(tmp_path, gzip.compress(raw[:length], 1))


def test_an_archive_whose_checksum_is_wrong_is_refused(tmp_path):
    contents = bytearray(archive(whole()))
    contents[-8] ^= 1
    with pytest.raises(InputError, match="cannot be read: CRC check failed"):
        load(tmp_path, bytes(contents))


def test_a_file_in_the_folder_that_is_too_large_is_refused_unread(tmp_path):
    for name, contents in whole().items():
        (tmp_path / name).write_bytes(contents)
    with (tmp_path / "data_batch_2").open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)  # a hole, which takes no room
    with pytest.raises(InputError, match=r"data_batch_2 is refused: it has 67,108,865 bytes, and at most 67,108,864 are read"):
        Tiny(root=str(tmp_path)).load()


def test_a_dataset_without_root_is_downloaded_as_one_archive(tmp_path, monkeypatch):
    contents = archive(whole())
    monkeypatch.setenv("LMC_SWEEPS_DATA", str(tmp_path))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / ARCHIVE).write_bytes(contents)  # as a download leaves it
    monkeypatch.setattr(Tiny, "md5", hashlib.md5(contents).hexdigest())
    assert Tiny().load().note == ""
