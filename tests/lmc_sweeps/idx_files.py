"""Files of the IDX family in small, and datasets whose official contents they are."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np

from lmc_sweeps.datasets.idx import FILES, IdxDataset, read_idx


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
