"""Datasets in IDX files: where they are found, what is read from them, official contents and others."""

import gzip
import os

import numpy as np
import pytest
import torch
from idx_files import Tiny, TinyByArchive, arrays, encode, write

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import fingerprint
from lmc_sweeps.datasets.idx import FILES, FashionMnist, Kmnist, Mnist, read_idx


@pytest.mark.parametrize("dataset", [Tiny, TinyByArchive])
def test_images_have_one_channel_and_their_pixels_are_divided_by_255(tmp_path, dataset):
    data = dataset(root=write(tmp_path, arrays(), zipped=True)).load()
    for part, images, labels in ((data.train, *arrays()[:2]), (data.test, *arrays()[2:])):
        # float32 division of integers is correctly rounded, so equality holds
        np.testing.assert_array_equal(part.inputs.numpy(), images[:, None].astype(np.float32) / np.float32(255))
        np.testing.assert_array_equal(part.labels.numpy(), labels.astype(np.int64))
    assert (data.n_classes, data.kind, data.inputs, data.n_inputs) == (10, "images", (1, 2, 3), 6)


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


def test_a_root_of_ones_home_is_read_and_what_is_no_folder_is_refused_with_what_it_should_hold(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, arrays())
    assert Tiny(root="~").load().note == ""
    with pytest.raises(InputError, match=f"must be a folder that holds {FILES[0]} and its kind, got 'nowhere', which is not a folder"):
        Tiny(root="nowhere").load()


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
