"""`mnist`, `fashion_mnist`, `kmnist`: the IDX family, from a local folder or downloaded once, contents verified."""

import gzip
import hashlib
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, cast

import numpy as np

from lmc_sweeps.common import checks
from lmc_sweeps.datasets.base import MOST_RATIO, Data, ImageFiles, Split
from lmc_sweeps.datasets.download import fetch
from lmc_sweeps.datasets.folders import folders_below, listed
from multirun_analysis.checks import open_file, read_file

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
MOST_BYTES = 2**30  # of one file's contents; the family's largest has 47 MB


def read_idx(path: Path) -> np.ndarray:
    """Return the array of unsigned bytes that an IDX file holds, raw or gzip-compressed.

    The header is checked against what the file can hold before anything of that size is allocated.

    Raises
    ------
    InputError
        If the file is truncated, is not IDX, holds something other than bytes, or is absurdly large.
    """
    try:
        with open_file(path, MOST_BYTES) as raw:
            held = os.fstat(raw.fileno()).st_size
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not zipped:
                return _read_stream(raw, path, held)
            with gzip.GzipFile(fileobj=raw) as stream:
                return _read_stream(cast(BinaryIO, stream), path, held * MOST_RATIO)
    except (EOFError, OSError, zlib.error) as error:
        raise checks.InputError(f"{path} cannot be read: {error}.") from error


def _read_stream(stream: BinaryIO, path: Path, held: int) -> np.ndarray:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] != 8 or head[3] not in (1, 3):
        raise checks.InputError(f"{path} is not an IDX file of bytes: it begins with {head.hex()!r}, not 00000801 or 00000803.")
    sizes = stream.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise checks.InputError(f"{path} is truncated: its header of {4 + 4 * head[3]} bytes ends after {4 + len(sizes)}.")
    shape = struct.unpack(f">{head[3]}I", sizes)
    expected = math.prod(shape)
    if not 0 < expected <= MOST_BYTES:
        raise checks.InputError(f"{path} claims the shape {shape}, {expected:,} bytes; at least 1 and at most {MOST_BYTES:,} are read.")
    contents = stream.read(min(expected, held) + 1)  # `read` allocates what it is asked for, so ask for no more than the file can hold
    if len(contents) != expected:
        held_bytes = f"{len(contents):,}" if len(contents) < expected else "more"
        raise checks.InputError(f"{path} is damaged: its header promises {expected:,} bytes of shape {shape}, and it holds {held_bytes}.")
    return np.frombuffer(contents, dtype=np.uint8).reshape(shape)


def _dotted(file: str) -> str:
    """Return the name of a file as some unpackers write it: train-images.idx3-ubyte."""
    return file.replace("-idx", ".idx")


def _in_folder(folder: Path, file: str, endings: tuple[str, ...]) -> Path | None:
    """Return where a file lies in a folder, by itself or in a folder of its own name, or None."""
    for name in (file, _dotted(file)):
        for path in (folder / f"{name}{ending}" for ending in endings):
            for candidate in (path, path / path.name, folder / name / file):
                if os.path.isfile(candidate):
                    return candidate
    return None


@dataclass(frozen=True, kw_only=True)
class IdxDataset(ImageFiles):
    """Settings of a dataset in the four IDX files of MNIST; `root` is their folder, else they are downloaded to a cache."""

    torchvision: ClassVar[str] = ""  # name of its folder there
    mirrors: ClassVar[tuple[str, ...]]
    sizes: ClassVar[tuple[int, int, int, int]] = (MOST_BYTES,) * 4  # of the official gzip archives, in the order of FILES
    md5: ClassVar[tuple[str, str, str, str]]  # of the official gzip archives, in the order of FILES
    sha256: ClassVar[tuple[str, str, str, str] | None] = None  # of their contents, where known

    def load(self) -> Data:
        """Return both splits (their first `train_size` and `test_size` examples): images of one channel, pixels in [0, 1]."""
        paths = self._paths()
        arrays = [read_idx(path) for path in paths]
        note = "" if all(self._is_official(k, paths[k], arrays[k]) for k in range(4)) else self.unofficial()
        train, test = (self._split(arrays[k], arrays[k + 1], key, paths[k]) for k, key in ((0, "train_size"), (2, "test_size")))
        if train.inputs.shape[1:] != test.inputs.shape[1:]:
            raise checks.InputError(f"{paths[0]} and {paths[2]} hold images of different sizes.")
        train, test = self.normalised(train, test)
        return Data(train, test, n_classes=max(int(train.labels.max()), int(test.labels.max()), 9) + 1, note=note)

    def _paths(self) -> list[Path]:
        if self.root is None:
            return [
                fetch(self.name, f"{file}.gz", md5, self.mirrors, size) for file, md5, size in zip(FILES, self.md5, self.sizes, strict=True)
            ]
        # Where the contents' own checksums are not known, the archives' are: then these first.
        endings = ("", ".gz") if self.sha256 is not None else (".gz", "")
        names = (self.torchvision or self.name, self.name)
        folders = folders_below(self.root, f"{FILES[0]} and its kind", names, ("raw", ""))
        lacking = {}
        for folder in folders:
            files = [_in_folder(folder, file, endings) for file in FILES]
            if all(files):
                return [path for path in files if path is not None]
            lacking[folder] = [file for file, path in zip(FILES, files, strict=True) if path is None]
        best = min(reversed(folders), key=lambda folder: len(lacking[folder]))  # `root` itself, unless another folder has more of them
        first = lacking[best][0]
        raise checks.InputError(
            f"`dataset.root` {self.root!r} lacks {first} (or {first}.gz); all four of {', '.join(FILES)} are needed in one folder, "
            f"which may also be written {_dotted(FILES[0])}. "
            + (
                f"Of the folders looked into, {best} has some of them."
                if len(lacking[best]) < len(FILES)
                else f"None is in {listed(folders)}."
            )
        )

    def _is_official(self, k: int, path: Path, array: np.ndarray) -> bool:
        if self.sha256 is not None:
            header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            return hashlib.sha256(header + array.tobytes()).hexdigest() == self.sha256[k]
        return hashlib.md5(read_file(path, MOST_BYTES), usedforsecurity=False).hexdigest() == self.md5[k]

    def _split(self, images: np.ndarray, labels: np.ndarray, key: str, path: Path) -> Split:
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise checks.InputError(f"{path} and its labels do not fit together: shapes {images.shape} and {labels.shape}.")
        return self.first(key, images[:, None], labels, path.name)  # one channel


@dataclass(frozen=True, kw_only=True)
class Mnist(IdxDataset):
    """60,000 + 10,000 handwritten digits of 28×28 pixels (LeCun et al. 1998), the paper's dataset."""

    name: ClassVar[str] = "mnist"
    torchvision = "MNIST"
    sizes = (9_912_422, 28_881, 1_648_877, 4_542)
    mirrors = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")
    md5 = (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    )
    sha256 = (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    )


@dataclass(frozen=True, kw_only=True)
class FashionMnist(IdxDataset):
    """60,000 + 10,000 pictures of clothes of 28×28 pixels (Xiao et al. 2017)."""

    name: ClassVar[str] = "fashion_mnist"
    torchvision = "FashionMNIST"
    # The folder of the authors, http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/, under the address of it that speaks https.
    mirrors = ("https://fashion-mnist.s3.eu-central-1.amazonaws.com/",)
    sizes = (26_421_880, 29_515, 4_422_102, 5_148)
    md5 = (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    )


@dataclass(frozen=True, kw_only=True)
class Kmnist(IdxDataset):
    """60,000 + 10,000 cursive Japanese characters of 28×28 pixels (Clanuwat et al. 2018)."""

    name: ClassVar[str] = "kmnist"
    torchvision = "KMNIST"
    mirrors = ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
    sizes = (18_165_135, 29_497, 3_041_136, 5_120)
    md5 = (
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    )
