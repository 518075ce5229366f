"""CIFAR-10: where its files are found, what is read from them, official contents and others."""

import gzip
import hashlib
import os

import numpy as np
import pytest
import torch
from cifar10_files import Tiny, archive, batch, load, member, python3, whole

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.datasets.cifar10 import ARCHIVE, BATCHES, BINARY, FOLDER, MOST_BYTES, TRAIN, Cifar10, read_archive


def test_pixels_are_divided_by_255_channel_after_channel_row_by_row(tmp_path):
    data = load(tmp_path, archive(whole()))
    images = np.concatenate([batch(name)[0] for name in TRAIN])
    np.testing.assert_array_equal(data.train.inputs.flatten(1).numpy(), images.astype(np.float32) / np.float32(255))
    assert data.train.labels.tolist() == [label for name in TRAIN for label in batch(name)[1]]
    np.testing.assert_array_equal(data.test.inputs.flatten(1).numpy(), batch("test_batch")[0].astype(np.float32) / np.float32(255))
    assert data.test.labels.tolist() == batch("test_batch")[1]
    assert (data.n_classes, data.inputs, data.n_inputs, len(data.train), len(data.test)) == (10, (3, 32, 32), 3072, 15, 3)


@pytest.mark.parametrize("kind", ["archive", "folder", "folder itself"])
def test_archive_and_folder_are_read_alike_and_the_official_contents_are_known(tmp_path, caplog, kind):
    if kind == "archive":
        data = load(tmp_path, archive(whole(), member(f"{FOLDER}/batches.meta", contents=b"anything"), member(f"{FOLDER}/readme.html")))
    else:
        (tmp_path / FOLDER).mkdir()
        for name, contents in whole().items():
            (tmp_path / FOLDER / name).write_bytes(contents)
        data = Tiny(root=str(tmp_path / FOLDER if kind == "folder itself" else tmp_path)).load()
    np.testing.assert_array_equal(data.test.inputs.flatten(1).numpy() * 255, batch("test_batch")[0])
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
    np.testing.assert_allclose(data.test.inputs.flatten(1).numpy(), expected, atol=1e-5)
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
        (b"", r"data_batch_3\.bin has 0 bytes, not a whole number of images of 3,073 bytes"),
        (bytes(3072), r"data_batch_3\.bin has 3,072 bytes, not a whole number of images of 3,073 bytes"),
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
