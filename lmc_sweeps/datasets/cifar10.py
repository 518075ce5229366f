"""`cifar10`: the official archive or its unpacked folder, or downloaded once. Its pickles are read without running them."""

import gzip
import hashlib
import math
import os
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

import numpy as np

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.base import MOST_RATIO, Data, ImageFiles
from lmc_sweeps.datasets.download import fetch
from lmc_sweeps.datasets.folders import folders_below, listed
from lmc_sweeps.datasets.pickled import as_byte_matrix, read_pickle, shown
from multirun_analysis.checks import open_file, read_file

ARCHIVE, FOLDER, BINARY = "cifar-10-python.tar.gz", "cifar-10-batches-py", "cifar-10-batches-bin"
TRAIN, TEST = tuple(f"data_batch_{k}" for k in range(1, 6)), "test_batch"
BATCHES = (*TRAIN, TEST)
OTHERS = ("batches.meta", "readme.html")  # in the official archive too, and of no use here
SHAPE, CLASSES = (3, 32, 32), 10
PIXELS = math.prod(SHAPE)
OFFICIAL = (50_000, 10_000)  # training and test images
MOST_BYTES = 2**26  # of a batch; the official ones have 31 MB, and 45 MB where Python 3 wrote what Python 2 could read
MOST_HEADERS = 64  # of an archive; the official one has nine
MOST_PADDING = 2**20  # of zeros at its end
BLOCK = 512  # of tar
PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE)  # times in fractions of seconds and the like, before a member
RENAMING = re.compile(rb"(^|\n)\d+ (path|linkpath|size|GNU\.sparse)")  # entries of these that would give a member another name or size


def read_batch(contents: bytes, file: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a batch, shape (n, 3072) of unsigned bytes, and its labels, shape (n,), both of at least one.

    An image is its 1,024 red pixels row by row, then the green ones, then the blue ones.

    Parameters
    ----------
    contents : bytes
    file : str
        Its name, with that of the member of an archive, for messages.

    Raises
    ------
    InputError
        If the contents are not the pickle of such a batch. Nothing that a pickle asks for is ever run.
    """
    batch = read_pickle(contents, file)
    missing = [key for key in ("data", "labels") if not isinstance(batch, dict) or key not in batch]
    if missing:
        raise InputError(f"{file} is not a batch of CIFAR-10: it lacks {' and '.join(missing)}.")
    try:
        images = as_byte_matrix(batch["data"])
    except ValueError as error:
        raise InputError(f"`data` in {file} cannot be read: {error}.") from error
    labels = batch["labels"]
    if images.shape[1] != PIXELS:
        raise InputError(f"`data` in {file} has {images.shape[1]:,} bytes per image; CIFAR-10 has {PIXELS:,}.")
    if type(labels) is not list or len(labels) != len(images):
        kind = f"a list of {len(labels):,}" if type(labels) is list else "not a list"
        raise InputError(f"`labels` in {file} must be a list of {len(images):,}, one for each image; it is {kind}.")
    for label in labels:
        if type(label) is not int or not 0 <= label < CLASSES:
            value = shown(label, 20) if type(label) is int else "something that is not an integer"
            raise InputError(f"`labels` in {file} must be integers from 0 to {CLASSES - 1}, got {value}.")
    return images, np.array(labels, dtype=np.uint8)


def read_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the contents of every batch in a tar archive, plain or in gzip, in its order; nothing is unpacked to the disk.

    Raises
    ------
    InputError
        If the archive is damaged, or holds anything but regular files of the official names, each once and of sensible size.
    """
    try:
        with open_file(path) as raw:
            held = os.fstat(raw.fileno()).st_size
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not zipped:
                yield from _members(raw, path, held)
                return
            with gzip.GzipFile(fileobj=raw) as stream:
                yield from _members(cast(BinaryIO, stream), path, held * MOST_RATIO)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def _members(stream: BinaryIO, path: Path, held: int) -> Iterator[tuple[str, bytes]]:
    names: set[str] = set()
    for _ in range(MOST_HEADERS):
        header = stream.read(BLOCK)
        if header == bytes(BLOCK):
            return _check_end(stream, path)
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise InputError(f"{path} is damaged: the header of a member cannot be read ({error}).") from error
        name = _checked(member, path)
        # `read` allocates what it is asked for, so ask for no more than the file can hold
        contents = stream.read(min(member.size, held))
        if len(contents + stream.read(-member.size % BLOCK)) != member.size + -member.size % BLOCK:
            raise InputError(f"{path} is truncated: its member {shown(member.name)} is shorter than {member.size:,} bytes.")
        if member.type in PAX and RENAMING.search(contents):
            raise InputError(f"{path} is refused: an extended header gives a member another name or size; no official archive needs that.")
        if name in names:
            raise InputError(f"{path} is refused: it holds {name} twice.")
        names |= {name} - {""}
        if name in BATCHES:
            yield name, contents
    raise InputError(f"{path} is refused: it has more than {MOST_HEADERS} members.")


def _checked(member: tarfile.TarInfo, path: Path) -> str:
    """Return the name of a member inside the folder, empty if it holds nothing; `InputError` if it is not one of the official ones."""
    member_name = shown(member.name)
    most = MOST_BYTES
    if member.type in PAX:
        name, most = "", 2**16
    elif member.type == tarfile.DIRTYPE and member.name.rstrip("/") == FOLDER:
        name, most = "", 0
    elif member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        raise InputError(
            f"{path} is refused: its member {member_name} is of type {shown(member.type.decode('latin-1'))!r}, not a regular file."
        )
    else:
        folder, _, name = member.name.partition("/")
        if folder != FOLDER or name not in (*BATCHES, *OTHERS):
            official = ", ".join((*BATCHES, *OTHERS))
            raise InputError(f"{path} is refused: its member {member_name} is not one of {FOLDER}/ and {official}.")
    if not 0 <= member.size <= most:
        raise InputError(f"{path} is refused: its member {member_name} claims {member.size:,} bytes; at most {most:,} are read.")
    return name


def _check_end(stream: BinaryIO, path: Path) -> None:
    """Raise `InputError` unless only zeros follow; reading to the end also verifies the checksum of the compression."""
    padding = stream.read(MOST_PADDING + 1)
    if len(padding) > MOST_PADDING or padding.count(0) != len(padding):
        raise InputError(f"{path} is refused: something follows the end of the archive.")


@dataclass(frozen=True, kw_only=True)
class Cifar10(ImageFiles):
    """50,000 + 10,000 colour photographs of ten classes, 32×32 pixels (Krizhevsky 2009), in three channels: red, green, blue.

    Pixels are divided by 255, as those of `mnist` are, and `normalise` takes one mean and one standard deviation of all training pixels,
    whatever their colour.

    References
    ----------
    Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
    """

    name: ClassVar[str] = "cifar10"
    mirrors: ClassVar[tuple[str, ...]] = ("https://www.cs.toronto.edu/~kriz/",)
    size: ClassVar[int] = 170_498_071  # of the official archive
    md5: ClassVar[str] = "c58f30108f718f92721af3b95e74349a"  # likewise
    md5_of_batches: ClassVar[Mapping[str, str]] = {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    }

    def load(self) -> Data:
        """Return both splits (their first `train_size` and `test_size` examples), pixels in [0, 1]."""
        path = self._path()
        batches, is_official = dict(self._binary(path)), not self._is_binary(path)
        if is_official:
            for name, contents in read_archive(path) if path.is_file() else self._files(path):
                batches[name] = read_batch(contents, f"{path}, member {FOLDER}/{name}" if path.is_file() else str(path / name))
                is_official &= hashlib.md5(contents, usedforsecurity=False).hexdigest() == self.md5_of_batches[name]
        if lacking := [name for name in BATCHES if name not in batches]:
            raise InputError(f"{path} lacks {', '.join(lacking)}; all of {', '.join(BATCHES)} are needed.")
        images, labels = (np.concatenate([batches[name][part] for name in TRAIN]) for part in (0, 1))
        train = self.first("train_size", images.reshape(-1, *SHAPE), labels, ", ".join(TRAIN))
        test = self.first("test_size", batches[TEST][0].reshape(-1, *SHAPE), batches[TEST][1], TEST)
        sizes = len(labels), len(batches[TEST][1])
        few = "" if sizes == OFFICIAL else "; {:,} training and {:,} test images, where the official ones are {:,} and {:,}"
        note = "" if is_official else self.unofficial(few.format(*sizes, *OFFICIAL))
        return Data(*self.normalised(train, test), n_classes=CLASSES, note=note)

    def _path(self) -> Path:
        """Return the archive, or the folder of the batches where it was unpacked."""
        if self.root is None:
            return fetch(self.name, ARCHIVE, self.md5, self.mirrors, self.size)
        contents = f"{ARCHIVE} or the folder {FOLDER}"
        folders = folders_below(self.root, contents, ("cifar10", "CIFAR10", "cifar-10"))
        for folder in folders:
            for unpacked in (folder / FOLDER, folder):
                if os.path.isfile(unpacked / TRAIN[0]):
                    return unpacked
            for archive in (folder / ARCHIVE, folder / ARCHIVE.removesuffix(".gz")):
                if os.path.isfile(archive):
                    return archive
            for unpacked in (folder / BINARY, folder):
                if self._is_binary(unpacked):
                    return unpacked
        raise InputError(
            f"`dataset.root` must be a folder that holds {contents}, got {self.root!r}. Neither, nor {BINARY}, is in {listed(folders)}."
        )

    @staticmethod
    def _is_binary(path: Path) -> bool:
        return os.path.isfile(path / f"{TRAIN[0]}.bin")

    @staticmethod
    def _binary(folder: Path) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
        """Yield the name, the images and the labels of every batch of the binary version: per image its label and its pixels, in bytes."""
        for name in BATCHES:
            path = folder / f"{name}.bin"
            if path.is_file():
                contents = np.frombuffer(_contents(path), dtype=np.uint8)
                if not len(contents) or len(contents) % (1 + PIXELS):
                    raise InputError(f"{path} has {len(contents):,} bytes, not a whole number of images of {1 + PIXELS:,} bytes.")
                rows = contents.reshape(-1, 1 + PIXELS)
                if (high := int(rows[:, 0].max())) >= CLASSES:
                    raise InputError(f"{path} has the label {high}; labels must be from 0 to {CLASSES - 1}.")
                yield name, (rows[:, 1:], rows[:, 0])

    @staticmethod
    def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the contents of every batch in a folder."""
        for path in [folder / name for name in BATCHES if (folder / name).is_file()]:
            yield path.name, _contents(path)


def _contents(path: Path) -> bytes:
    try:
        return read_file(path, MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path} is refused: {error.strerror}.") from error
